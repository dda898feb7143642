export { Attributes } from '../onnx/attributes.ts';
