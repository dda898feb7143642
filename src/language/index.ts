// What the other stages use of the language.

export { type BuildOptions, buildModel, ModelFaults } from './build/model.ts';
export type { ModelArguments } from './check/definitions.ts';
export { inputShapes } from './input-shapes.ts';
export { type ParameterCount, parameterCounts } from './parameters.ts';
export { type LoadOptions, libraryFolder, loadProgram, type Program, type Read } from './program.ts';
export type { DataStatement, GenerateStatement, Statements, TrainStatement } from './statements/statements.ts';
