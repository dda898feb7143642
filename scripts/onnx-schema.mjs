// Turns ONNX's published schema (src/onnx/schema/onnx.proto) into the JSON that protobufjs loads. Run it after the schema was replaced:
//   node scripts/onnx-schema.mjs

import { readFileSync, writeFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const folder = new URL('../src/onnx/schema/', import.meta.url);
const { root } = protobuf.parse(readFileSync(new URL('onnx.proto', folder), 'utf8'), { keepCase: true });
writeFileSync(new URL('onnx.json', folder), `${JSON.stringify(root.toJSON(), null, 1)}\n`);
