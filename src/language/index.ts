// What the other stages use of the language.

export { type BuildOptions, buildModel, ModelFaults } from './build/model.ts';
export type { ModelArguments } from './check/definitions.ts';
export { type LoadOptions, libraryFolder, loadProgram, type Program, plainArguments, type Read } from './program.ts';
