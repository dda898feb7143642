// What the adapter tells a client that it can do.

import type { DebugProtocol } from '@vscode/debugprotocol';
import { DYNAMICS } from './dynamics.ts';

export const capabilities = (): DebugProtocol.Capabilities => ({
  supportsConfigurationDoneRequest: true,
  supportsStepBack: true,
  supportsStepInTargetsRequest: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsEvaluateForHovers: true,
  supportsClipboardContext: true,
  supportsGotoTargetsRequest: true,
  supportsBreakpointLocationsRequest: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.'],
  supportsRestartRequest: true,
  supportsRestartFrame: true,
  supportsExceptionInfoRequest: true,
  supportsTerminateRequest: true,
  supportsLoadedSourcesRequest: true,
  exceptionBreakpointFilters: Object.entries(DYNAMICS).map(([filter, { label, description, initially }]) => ({
    filter,
    label,
    description,
    default: initially,
  })),
});
