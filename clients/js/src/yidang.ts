import { Calls, type CallOptions, type Settings } from './calls.js';
import { diagnose, type Diagnosis, type DiagnosisWish } from './diagnose.js';
import { Feed, type Listeners, type Watch } from './events.js';
import { YidangError } from './failure.js';
import { byFetch } from './fetch.js';
import { pair, type PairingWish } from './pair.js';
import { ImagePreview, type Preview, type PreviewWish } from './preview.js';
import type * as api from './schema.js';
import { simulatedTransport, type SimulationSettings } from './simulated/transport.js';
import type { Transport } from './transport.js';
import { byXhr } from './xhr.js';

/** What a changing call answers where there is nothing to say. */
type Nothing = Promise<void>;

/** What `uploadPaper` takes beside the file. */
export type UploadWish = Omit<api.CaptureForm, 'file' | 'corners'> & { corners?: api.Corners };

/**
 * The service at this window. Every call of the API has a method of the same name, `operationId` in
 * `GET /v1/openapi.json`; whatever goes wrong is a `YidangError`.
 */
export class Yidang {
  /** For programs that have this class alone, without the module around it. */
  static readonly YidangError = YidangError;

  /** Where the service listens. */
  readonly address: string;
  private readonly calls: Calls;
  private readonly feed: Feed;

  constructor(settings: Settings, transport: Transport = usualTransport()) {
    this.calls = new Calls(settings, transport);
    this.feed = new Feed(this.calls);
    this.address = this.calls.address;
  }

  /** A window without a service: invented cards and papers, nothing kept. For front-end work and tests. */
  static simulated(settings: SimulationSettings = {}): Yidang {
    return new Yidang({ token: 'simulated', ...settings }, simulatedTransport(settings));
  }

  /** Why it does not work, and what to do: see `Diagnosis`. Never rejects. */
  diagnose(wish: DiagnosisWish = {}): Promise<Diagnosis> {
    return diagnose(this.calls, wish);
  }

  // ---- The service.

  checkHealth(options?: CallOptions): Promise<api.Health> {
    return this.calls.json('checkHealth', {}, options);
  }

  readStatus(options?: CallOptions): Promise<api.Status> {
    return this.calls.json('readStatus', {}, options);
  }

  readSync(options?: CallOptions): Promise<api.Sync> {
    return this.calls.json('readSync', {}, options);
  }

  readOpenapi(options?: CallOptions): Promise<object> {
    return this.calls.json('readOpenapi', {}, options);
  }

  /** Tells what happens at this window, until closed. Comes back by itself when the connection is lost, missing nothing. */
  watchEvents(listeners: Listeners): Watch {
    return this.feed.watch(listeners);
  }

  // ---- Pairing.

  /**
   * Asks for a token, has `told` show the code to compare, and waits until an administrator has decided. Resolves with
   * the token, which this client uses from then on; keep it where the page keeps its other secrets. A refusal is a
   * `YidangError` with the code `pairing_refused`, no decision within five minutes one with `pairing_unknown`.
   */
  pair(wish: PairingWish, told: (code: string, expiresAt: string) => void, options: CallOptions = {}): Promise<string> {
    return pair(this.calls, wish, told, options);
  }

  /** Asks for a token; `pair` does the whole. */
  requestPairing(wish: api.RequestPairing, options?: CallOptions): Promise<api.RequestedPairing> {
    return this.calls.json('requestPairing', { body: wish }, options);
  }

  collectPairing(wish: api.CollectPairing, options?: CallOptions): Promise<api.CollectedPairing> {
    return this.calls.json('collectPairing', { body: wish }, options);
  }

  /** What waits to be decided, scope `admin`. */
  listPairings(options?: CallOptions): Promise<api.WaitingPairings> {
    return this.calls.json('listPairings', {}, options);
  }

  /** Says yes or no, scope `admin`. */
  decidePairing(wish: api.DecidePairing, options?: CallOptions): Nothing {
    return this.calls.json('decidePairing', { body: wish }, options);
  }

  // ---- The clerk.

  /**
   * Signs a clerk in, by `operator` and `pin` or by the window system's `assertion`. This client's calls carry the session
   * from then on; another clerk who signs in ends it, and the same clerk unlocks it.
   */
  async signIn(wish: api.SignIn, options?: CallOptions): Promise<api.OperatorSession> {
    const seat: api.OperatorSession = await this.calls.json('signIn', { body: wish }, options);
    this.calls.settings.session = seat.session;
    return seat;
  }

  /** Who sits here, and what this window wants of clerks. */
  readSession(options?: CallOptions): Promise<api.OperatorState> {
    return this.calls.json('readSession', {}, options);
  }

  /** Locks the clerk's session; what it has open is shown again when the same clerk has signed in. */
  lockSession(options?: CallOptions): Nothing {
    return this.calls.json('lockSession', {}, options);
  }

  /** Signs the clerk out, and closes what was open. */
  async signOut(options?: CallOptions): Promise<void> {
    await this.calls.json('signOut', {}, options);
    this.calls.settings.session = undefined;
  }

  // ---- Cards and dossiers.

  /** Reads the card on the reader, waiting for one as long as `wait_ms` says, and opens its holder's dossier. */
  readCard(wish: api.ReadCard = {}, options?: CallOptions): Promise<api.CardReading> {
    return this.calls.json('readCard', { body: wish, waitMs: wish.wait_ms }, options);
  }

  /** Opens a dossier without the card, on the ground that is stated. */
  openHolder(wish: api.OpenHolder, options?: CallOptions): Promise<api.OpenedHolder> {
    return this.calls.json('openHolder', { body: wish }, options);
  }

  closeHolder(holder: string, options?: CallOptions): Nothing {
    return this.calls.json('closeHolder', { path: { holder } }, options);
  }

  listMaterials(holder: string, query: api.ListMaterialsQuery = {}, options?: CallOptions): Promise<api.Materials> {
    return this.calls.json('listMaterials', { path: { holder }, query }, options);
  }

  // ---- Cameras and captures.

  /** Asks each camera what it can do; may take a few seconds. */
  listCameras(options?: CallOptions): Promise<api.Cameras> {
    return this.calls.json('listCameras', {}, options);
  }

  adjustCamera(id: string, values: api.AdjustControls, options?: CallOptions): Promise<api.Controls> {
    return this.calls.json('adjustCamera', { path: { id }, body: values }, options);
  }

  /** A ticket for one preview; `watchCamera` asks for them by itself. */
  requestPreview(wish: api.RequestPreview = {}, options?: CallOptions): Promise<api.PreviewTicket> {
    return this.calls.json('requestPreview', { body: wish }, options);
  }

  /** Shows a camera in an `<img>`, until closed. */
  watchCamera(image: HTMLImageElement, wish: PreviewWish = {}): Preview {
    return new ImagePreview(image, wish, this);
  }

  /** Takes a page. Durable when it resolves. */
  capturePaper(wish: api.CaptureWish = {}, options?: CallOptions): Promise<api.Capture> {
    return this.calls.json('capturePaper', { body: wish, waitMs: wish.timeout_ms || 0 }, options);
  }

  /** Makes a capture of a JPEG, PNG or PDF that is there already. */
  uploadPaper(file: Blob, wish: UploadWish = {}, options?: CallOptions): Promise<api.Capture> {
    const form = new FormData();
    for (const name of Object.keys(wish)) {
      const value = (wish as any)[name];
      if (value === undefined || value === null) continue;
      form.append(name, name === 'corners' ? JSON.stringify(value) : String(value));
    }
    form.append('file', file);
    return this.calls.json('capturePaper', { body: form }, options);
  }

  /** The captures that wait to be filed. */
  listCaptures(query: api.ListCapturesQuery = {}, options?: CallOptions): Promise<api.Captures> {
    return this.calls.json('listCaptures', { query }, options);
  }

  /** What other clerks left unfiled, where clerks must sign in. */
  listLeftCaptures(options?: CallOptions): Promise<api.LeftCaptures> {
    return this.calls.json('listLeftCaptures', {}, options);
  }

  /** Takes over what a clerk left who is not there any more; the captures get new identifiers. */
  takeOverCaptures(wish: api.TakeOver, options?: CallOptions): Promise<api.TakenOver> {
    return this.calls.json('takeOverCaptures', { body: wish }, options);
  }

  readCaptureImage(id: string, query: api.ReadCaptureImageQuery = {}, options?: CallOptions): Promise<Blob> {
    return this.calls.blob('readCaptureImage', { path: { id }, query }, options);
  }

  discardCapture(id: string, options?: CallOptions): Nothing {
    return this.calls.json('discardCapture', { path: { id } }, options);
  }

  // ---- Materials.

  /** Files a paper. Durable when it resolves; `duplicate` says whether it was on file already. */
  fileMaterial(wish: api.FileMaterial, options?: CallOptions): Promise<api.Material> {
    return this.calls.json('fileMaterial', { body: wish }, options);
  }

  readMaterial(id: string, options?: CallOptions): Promise<api.Material> {
    return this.calls.json('readMaterial', { path: { id } }, options);
  }

  /** One page's picture; pages count from 1. */
  readPageImage(id: string, n: number, query: api.ReadPageImageQuery = {}, options?: CallOptions): Promise<Blob> {
    return this.calls.blob('readPageImage', { path: { id, n }, query }, options);
  }

  readDocument(id: string, query: api.ReadDocumentQuery = {}, options?: CallOptions): Promise<Blob> {
    return this.calls.blob('readDocument', { path: { id }, query }, options);
  }

  /** Puts a paper right that was filed to the wrong person, kind or case; what is not named stays. */
  refileMaterial(id: string, wish: api.RefileMaterial, options?: CallOptions): Promise<api.Material> {
    return this.calls.json('refileMaterial', { path: { id }, body: wish }, options);
  }

  requestErasure(wish: api.RequestErasure, options?: CallOptions): Promise<api.Erasure> {
    return this.calls.json('requestErasure', { body: wish }, options);
  }

  readErasure(id: string, options?: CallOptions): Promise<api.Erasure> {
    return this.calls.json('readErasure', { path: { id } }, options);
  }

  // ---- Simulated devices of the service, scope `admin`.

  simulateCard(wish: api.InsertCard, options?: CallOptions): Nothing {
    return this.calls.json('simulateCard', { body: wish }, options);
  }

  simulateDesk(wish: api.LayFrame, options?: CallOptions): Nothing {
    return this.calls.json('simulateDesk', { body: wish }, options);
  }

  listSimulatedDesk(options?: CallOptions): Promise<api.SimulatedNames> {
    return this.calls.json('listSimulatedDesk', {}, options);
  }

  simulateFault(wish: api.SimulateFault, options?: CallOptions): Nothing {
    return this.calls.json('simulateFault', { body: wish }, options);
  }

  listSimulatedFaults(options?: CallOptions): Promise<api.SimulatedFaults> {
    return this.calls.json('listSimulatedFaults', {}, options);
  }

  playScenario(wish: api.PlayScenario, options?: CallOptions): Nothing {
    return this.calls.json('playScenario', { body: wish }, options);
  }

  resetSimulation(options?: CallOptions): Nothing {
    return this.calls.json('resetSimulation', {}, options);
  }
}

/** Where a browser has only half of `fetch`, it has all of `XMLHttpRequest`. */
function usualTransport(): Transport {
  const whole = typeof fetch === 'function' && typeof AbortController === 'function'
    && typeof TextDecoder === 'function' && typeof ReadableStream === 'function';
  return whole ? byFetch : byXhr;
}
