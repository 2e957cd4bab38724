// Made from fixtures/openapi.json by tools/generate.mjs (`npm run generate`); not to be edited.

/** Method and path of every call, by its name. */
export const OPERATIONS = {
  listCameras: ['GET', '/v1/cameras'],
  adjustCamera: ['PATCH', '/v1/cameras/{id}/controls'],
  watchCamera: ['GET', '/v1/cameras/{id}/preview'],
  listCaptures: ['GET', '/v1/captures'],
  capturePaper: ['POST', '/v1/captures'],
  discardCapture: ['DELETE', '/v1/captures/{id}'],
  readCaptureImage: ['GET', '/v1/captures/{id}/image'],
  readCard: ['POST', '/v1/card/read'],
  requestErasure: ['POST', '/v1/erasures'],
  readErasure: ['GET', '/v1/erasures/{id}'],
  watchEvents: ['GET', '/v1/events'],
  checkHealth: ['GET', '/v1/health'],
  openHolder: ['POST', '/v1/holders'],
  closeHolder: ['DELETE', '/v1/holders/{holder}'],
  listMaterials: ['GET', '/v1/holders/{holder}/materials'],
  fileMaterial: ['POST', '/v1/materials'],
  readMaterial: ['GET', '/v1/materials/{id}'],
  readDocument: ['GET', '/v1/materials/{id}/document.pdf'],
  readPageImage: ['GET', '/v1/materials/{id}/pages/{n}/image'],
  refileMaterial: ['POST', '/v1/materials/{id}/refile'],
  readOpenapi: ['GET', '/v1/openapi.json'],
  listPairings: ['GET', '/v1/pairings'],
  requestPairing: ['POST', '/v1/pairings'],
  collectPairing: ['POST', '/v1/pairings/collect'],
  decidePairing: ['POST', '/v1/pairings/decide'],
  requestPreview: ['POST', '/v1/preview-tickets'],
  simulateCard: ['POST', '/v1/simulated/card'],
  listSimulatedDesk: ['GET', '/v1/simulated/desk'],
  simulateDesk: ['POST', '/v1/simulated/desk'],
  simulateFault: ['POST', '/v1/simulated/fault'],
  listSimulatedFaults: ['GET', '/v1/simulated/faults'],
  resetSimulation: ['POST', '/v1/simulated/reset'],
  playScenario: ['POST', '/v1/simulated/scenario'],
  readStatus: ['GET', '/v1/status'],
  readSync: ['GET', '/v1/sync'],
} as const;

/** The name of a call. */
export type OperationName = keyof typeof OPERATIONS;
