import type { OperationName } from '../operations.js';
import type * as api from '../schema.js';
import { type Desk, Refused, subjectOf } from './desk.js';
import { filed, refiled } from './filing.js';
import { DESK, MAT, PAGE } from './pictures.js';
import { CAMERA, CARDS, DOCUMENT, FAULTS, FRAMES, READER, ZOOM } from './samples.js';

/** One simulated call. */
export interface Asked {
  path: { [name: string]: string };
  query: { [name: string]: string };
  body: any;
  /** Whether a form with a file came instead. */
  isUpload: boolean;
}

/** What a call answers: its status, and JSON or bytes. */
export interface Given {
  status: number;
  json?: unknown;
  /** Base64, or text as it is. */
  bytes?: { type: string; base64?: string; text?: string };
}

type Route = (desk: Desk, asked: Asked) => Given | Promise<Given>;

const ok = (json: unknown, status = 200): Given => ({ status, json });
const NOTHING: Given = { status: 204 };
const picture = (base64: string): Given => ({ status: 200, bytes: { type: 'image/png', base64 } });
const SYNC: api.Sync = {
  repository: 'none', backlog_materials: 0, backlog_bytes: 0, last_contact_at: null, last_error: null,
};
const VERSION = 'simulated';

/** What answers each call. `watchEvents` and the preview are not asked here. */
export const ROUTES: { [name in Exclude<OperationName, 'watchEvents' | 'watchCamera'>]: Route } = {
  checkHealth: () => ok({ status: 'ok', version: VERSION, archive: 'whole' }),
  readStatus: (desk) => ok(status(desk)),
  readSync: () => ok(SYNC),
  readOpenapi: () => ok({ openapi: '3.1.0', info: { title: 'Yidang, simulated', version: VERSION }, paths: {} }),

  // Whoever asks is let in at once: there is nobody to ask.
  requestPairing: (desk) => ok({ pairing: desk.newId(), code: '402617', expires_at: desk.instant(300000) }, 201),
  collectPairing: () => ok({ state: 'paired', token: 'simulated' }),
  listPairings: () => ok({ pairings: [] }),
  decidePairing: () => {
    throw new Refused('pairing_unknown');
  },

  // Every PIN does but 000000, and every assertion.
  signIn: (desk, { body }) => {
    if (!body.assertion === !(body.operator && body.pin)) throw new Refused('invalid', 'either `operator` and `pin`, or `assertion`');
    if (body.pin === '000000') throw new Refused('pin_wrong');
    return ok(desk.signIn(body.operator || 'simulated', body.assertion ? 'assertion' : 'pin'), 201);
  },
  readSession: (desk) => ok({ required: 'none', pins: true, idle_lock_ms: 600000, session: desk.session }),
  lockSession: (desk) => {
    if (!desk.session) throw new Refused('operator_required');
    desk.session.state = 'locked';
    desk.publish('operator.locked', { client: 'simulated', reason: 'asked' });
    return NOTHING;
  },
  signOut: (desk) => {
    if (!desk.session) throw new Refused('operator_required');
    desk.signOut('asked');
    return NOTHING;
  },

  readCard: (desk, asked) => readCard(desk, (asked.body && asked.body.wait_ms) || 0),
  openHolder: (desk, { body }) => {
    if (!body.subject || !body.subject.value) throw new Refused('invalid', 'the field `subject` is missing');
    const rights: api.Right[] = body.basis === 'none' ? ['file'] : ['file', 'read'];
    if (body.basis !== 'none' && !(body.purpose && body.case)) throw new Refused('invalid', 'purpose and case are needed');
    const { id } = desk.open(subjectOf(body.subject), rights);
    return ok({ holder: id, rights, expires_at: desk.holderEnds(), warnings: [] }, 201);
  },
  closeHolder: (desk, { path }) => {
    const gone = desk.holder(path.holder);
    desk.holders = desk.holders.filter((one) => one !== gone);
    return NOTHING;
  },
  listMaterials: (desk, { path, query }) => {
    const { subject, rights } = desk.holder(path.holder);
    if (rights.indexOf('read') < 0) throw new Refused('right_missing');
    const materials = desk.materials
      .filter(({ subjects }) => subjects.indexOf(subject) >= 0).map(({ record }) => record)
      .filter((one) => (!query.kind || one.kind === query.kind) && (!query.item || one.item === query.item)).reverse();
    return ok({ materials, next_cursor: null, repository: 'none' });
  },

  listCameras: (desk) => ok({ cameras: [camera(desk)] }),
  adjustCamera: (desk, { body }) => {
    if (typeof body.zoom !== 'number' || body.zoom < ZOOM.min || body.zoom > ZOOM.max) throw new Refused('invalid', 'zoom alone');
    desk.zoom = body.zoom;
    return ok({ controls: camera(desk).controls });
  },
  requestPreview: (desk) => {
    setTimeout(() => desk.tellPage(), 300);
    const url = `data:image/png;base64,${desk.frame === null ? MAT : DESK}`;
    return ok({ ticket: desk.newId(), url, camera: CAMERA, expires_at: desk.instant(30000) }, 201);
  },
  capturePaper: (desk, asked) => ok(take(desk, asked), 201),
  listCaptures: (desk) => ok({ captures: desk.captures, next_cursor: null }),
  // One clerk at a time sits here, and everyone sees everything.
  listLeftCaptures: () => ok({ clerks: [] }),
  takeOverCaptures: () => ok({ captures: [], left: 0 }),
  readCaptureImage: (desk, { path, query }) => {
    const { corners } = desk.capture(path.id);
    return picture(query.rendition === 'original' ? (corners ? DESK : MAT) : corners ? PAGE : MAT);
  },
  discardCapture: (desk, { path }) => {
    const gone = desk.capture(path.id);
    desk.captures = desk.captures.filter((one) => one !== gone);
    return NOTHING;
  },

  fileMaterial: (desk, { body }) => ok(filed(desk, body), 201),
  readMaterial: (desk, { path }) => ok(desk.material(path.id)),
  readPageImage: (desk, { path, query }) => {
    if (!desk.material(path.id).pages[Number(path.n) - 1]) throw new Refused('material_unknown');
    return picture(query.rendition === 'original' ? DESK : PAGE);
  },
  readDocument: (desk, { path }) => {
    desk.material(path.id);
    return { status: 200, bytes: { type: 'application/pdf', text: DOCUMENT } };
  },
  refileMaterial: (desk, { path, body }) => ok(refiled(desk, path.id, body)),
  requestErasure: (desk, { body }) => {
    const holder = body.holder ? desk.holder(body.holder).subject : null;
    if (!holder === !body.material) throw new Refused('invalid', 'exactly one of `holder` and `material`');
    const gone = desk.materials.filter((one) =>
      (holder ? one.subjects.indexOf(holder) >= 0 : one.record.id === body.material));
    if (!holder && gone.length === 0) throw new Refused('material_unknown');
    desk.materials = desk.materials.filter((one) => gone.indexOf(one) < 0);
    const materials = gone.map(({ record }) => record.id);
    const erasure: api.Erasure = {
      id: desk.newId(), state: 'done', erased_at: desk.instant(), materials, shared_kept: [],
      pictures_unproven: 0, refusal: null, repository: 'none',
    };
    desk.erasures.push(erasure);
    for (const material of materials) desk.publish('material.erased', { material });
    return ok(erasure, 201);
  },
  readErasure: (desk, { path }) => {
    const found = desk.erasures.filter((one) => one.id === path.id)[0];
    if (!found) throw new Refused('erasure_unknown');
    return ok(found);
  },

  simulateCard: (desk, { body }) => {
    desk.insert(body.insert);
    return NOTHING;
  },
  simulateDesk: (desk, { body }) => {
    desk.lay(body.frame);
    return NOTHING;
  },
  listSimulatedDesk: () => ok({ cards: Object.keys(CARDS), frames: FRAMES }),
  simulateFault: (desk, { body }) => {
    const known: string[] | undefined = FAULTS[body.device as 'card' | 'camera'];
    if (!known || known.indexOf(body.fault) < 0) throw new Refused('simulated_unknown');
    desk.spoil(body);
    return NOTHING;
  },
  listSimulatedFaults: () => ok({
    faults: [{ device: 'card', faults: FAULTS.card }, { device: 'camera', faults: FAULTS.camera }],
  }),
  playScenario: (desk, { body }) => {
    let atMs = 0;
    for (const step of body.steps as api.ScenarioStep[]) {
      atMs += step.after_ms || 0;
      setTimeout(() => play(desk, step), atMs);
    }
    return NOTHING;
  },
  resetSimulation: (desk) => {
    desk.reset();
    return NOTHING;
  },
};

async function readCard(desk: Desk, waitMs: number): Promise<Given> {
  const fault = desk.strike('card');
  if (fault === 'unplug') throw new Refused('reader_absent');
  if (fault === 'read_failed') throw new Refused('card_unreadable');
  const until = Date.now() + waitMs;
  while (desk.card === null && Date.now() < until) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, until - Date.now());
      desk.onChange(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  if (fault === 'no_card' || desk.card === null) throw new Refused('card_absent');
  const card = CARDS[desk.card];
  const rights: api.Right[] = ['file', 'read'];
  const { id } = desk.open(subjectOf({ type: 'resident', value: card.id_number || '' }), rights);
  return ok({ ...card, holder: id, rights, expires_at: desk.holderEnds() });
}

function take(desk: Desk, { body, isUpload }: Asked): api.Capture {
  const fault = isUpload ? null : desk.strike('camera');
  if (fault === 'unplug') throw new Refused('camera_absent');
  if (fault !== null) throw new Refused('camera_failed');
  const wish: api.CaptureWish = body || {};
  if (wish.when === 'settled' && desk.frame === null) throw new Refused('not_settled');
  const found = isUpload || (desk.frame !== null && wish.crop !== 'full');
  // The simulated papers all look the same and are not the same.
  const digest = (which: string): string => (which + desk.newId() + desk.newId()).slice(0, 64);
  const capture: api.Capture = {
    id: desk.newId(), width: found ? 248 : 320, height: found ? 352 : 240,
    corners: found ? [[90, 21], [230, 21], [230, 219], [90, 219]] : null, confidence: found ? 0.98 : 0,
    size: found ? 'A4' : null, turned_degrees: null, codes: wish.codes ? [] : null,
    quality: {
      sharpness: 0.7, brightness: 0.85, glare_share: 0, corner_missing: 0, finger_share: 0,
      longer_side_px: found ? 352 : 320, dpi: null, issues: [], findings: [],
    },
    digest: digest('a'), original_digest: digest('b'), matches: [], captured_at: desk.instant(),
    expires_at: desk.instant(14 * 24 * 3600 * 1000), origin: isUpload ? 'upload' : 'simulated', captures: null,
  };
  desk.captures.push(capture);
  return wish.split ? { ...capture, captures: [capture] } : capture;
}

function play(desk: Desk, step: api.ScenarioStep): void {
  if (step.card) desk.insert(step.card);
  if (step.remove_card) desk.insert(null);
  if (step.frame) desk.lay(step.frame);
  if (step.bare_mat) desk.lay(null);
  if (step.fault) desk.spoil(step.fault);
}

function camera(desk: Desk): api.Camera {
  return {
    id: CAMERA, name: 'Simulated document camera', driver: 'simulated', state: 'ready', reason: null,
    modes: [{ format: 'mjpeg', width: 320, height: 240, rates: [{ frames: 15, seconds: 1 }] }],
    controls: [{ ...ZOOM, value: desk.zoom }],
  };
}

function status(desk: Desk): api.Status {
  const device = (type: api.DeviceType, id: string, name: string): api.Device =>
    ({ type, state: 'ready', id, name, driver: 'simulated', reason: null });
  return {
    version: VERSION, counter: 'simulated',
    devices: [device('card_reader', READER, 'Simulated ID card reader'), device('camera', CAMERA, camera(desk).name)],
    photo_decoder: { state: 'none', reason: null },
    archive: {
      materials: desk.materials.length, blobs: desk.materials.length * 2, holders: desk.holders.length,
      unfiled: desk.captures.length, ledger_head: desk.materials.length, epoch: 1,
      scrubbed_at: null, scrub_damaged: 0, quarantined: 0, ledger: 'whole', ledger_left_out: 0,
    },
    sync: SYNC,
  };
}
