import type { Calls, Parts } from './calls.js';
import { isFailure } from './failure.js';
import { DEVICES, FINDINGS, type FindingCode } from './findings.js';
import type { OperationName } from './operations.js';
import { pageOrigin, whyUnreached } from './reach.js';
import type { Cameras, Device, DeviceType, Health, Status } from './schema.js';
import type { Silence } from './transport.js';
import type { Words } from './words.js';

/** The scopes that a token can be asked about without anything being read or written. */
export type AskableScope = 'card' | 'capture' | 'archive:write' | 'archive:read' | 'archive:assist' | 'archive:erase' | 'admin';

/** What the program needs. */
export interface DiagnosisWish {
  /** What the token must be good for; nothing is asked unless said. */
  scopes?: AskableScope[];
  /** The devices that must be there; both unless said. */
  devices?: DeviceType[];
  /** The error that made you ask: `busy` shows in no other way. */
  error?: unknown;
}

/** One thing that is wrong. */
export interface Finding {
  code: FindingCode;
  title: Words;
  remedy: Words;
  /** What this case adds, as the service says it: a scope, a device's reason. */
  detail: string | null;
  /** For a `device_…`: which. */
  device: DeviceType | null;
}

/** How it stands. */
export interface Diagnosis {
  ok: boolean;
  /** The worst of what was found, in the order in which to mend it; empty where all is well. */
  findings: Finding[];
  /** The service's version; null where it was not reached. */
  version: string | null;
  /** The page that asks; null in a program that is no page. */
  origin: string | null;
}

/** Longer than a service that is well takes; a browser that asks its user keeps requests waiting. */
const REACH_MS = 5000;
const HELD = /another program holds the device/;

/** A call that is refused for its scope before its content, which is never accepted. */
const ASKING: { [scope in AskableScope]: [OperationName, Parts] } = {
  card: ['readCard', { body: { wait_ms: -1 } }],
  capture: ['readCaptureImage', { path: { id: '0' } }],
  'archive:write': ['fileMaterial', { body: { holders: [], kind: '' } }],
  'archive:read': ['readMaterial', { path: { id: '0' } }],
  'archive:assist': ['openHolder', { body: { subject: { type: 'provisional', value: '' }, basis: 'official_duty' } }],
  'archive:erase': ['readErasure', { path: { id: '0' } }],
  admin: ['listSimulatedFaults', {}],
};

/** Finds out why it does not work: what is nearest to the page first. Never rejects. */
export async function diagnose(calls: Calls, wish: DiagnosisWish): Promise<Diagnosis> {
  const origin = pageOrigin();
  const finding = (code: FindingCode, detail: string | null = null, device: DeviceType | null = null): Finding => {
    const fill = (words: Words): Words => ({ zh: filled(words.zh, 'zh'), en: filled(words.en, 'en') });
    const filled = (text: string, language: 'zh' | 'en'): string => text
      .replace(/\{address\}/g, calls.address)
      .replace(/\{origin\}/g, origin || '')
      .replace(/\{device\}/g, DEVICES[device || 'any'][language]);
    return { code, title: fill(FINDINGS[code].title), remedy: fill(FINDINGS[code].remedy), detail, device };
  };
  let version: string | null = null;
  const findings: Finding[] = [];
  try {
    version = await reach(calls);
    const status = await admitted(calls);
    findings.push(...await scopes(calls, wish, finding));
    findings.push(...await devices(calls, wish, status, finding));
  } catch (thrown) {
    if (!(thrown instanceof Stuck)) throw thrown;
    findings.push(finding(thrown.code, thrown.detail));
  }
  return { ok: findings.length === 0, findings, version, origin };
}

/** What makes further questions idle. */
class Stuck {
  constructor(readonly code: FindingCode, readonly detail: string | null = null) {}
}

type Find = (code: FindingCode, detail?: string | null, device?: DeviceType | null) => Finding;

/** The service's version, if this page may hear it. */
async function reach(calls: Calls): Promise<string> {
  try {
    const health = await calls.json<Health>('checkHealth', {}, { timeoutMs: REACH_MS });
    if (health && health.status === 'ok' && health.version) return health.version;
  } catch (thrown) {
    const error = calls.failed(thrown);
    if (error.status === 0) throw new Stuck(await whyUnreached(calls.address, error.code as Silence));
    if (error.code === 'origin_denied') throw new Stuck('origin_denied');
  }
  throw new Stuck('other_service');
}

/** How the window stands, if the token is one. */
async function admitted(calls: Calls): Promise<Status> {
  if (!calls.settings.token) throw new Stuck('token_missing');
  try {
    return await calls.json<Status>('readStatus', {}, { timeoutMs: REACH_MS });
  } catch (thrown) {
    const { code, detail, title } = calls.failed(thrown);
    if (code === 'origin_denied') throw new Stuck('token_of_another_origin', detail);
    if (code === 'token_missing' || code === 'token_invalid' || code === 'token_expired') throw new Stuck(code, detail);
    throw new Stuck('service_failed', detail || `${code}: ${title}`);
  }
}

async function scopes(calls: Calls, wish: DiagnosisWish, find: Find): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const scope of wish.scopes || []) {
    const [name, parts] = ASKING[scope];
    try {
      await calls.json(name, parts, { timeoutMs: REACH_MS });
    } catch (thrown) {
      if (calls.failed(thrown).code === 'scope_missing') findings.push(find('scope_missing', scope));
    }
  }
  return findings;
}

async function devices(calls: Calls, wish: DiagnosisWish, status: Status, find: Find): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const type of wish.devices || (['card_reader', 'camera'] as DeviceType[])) {
    // The one in use comes first.
    const device: Device | undefined = status.devices.filter((one) => one.type === type)[0];
    if (!device || device.state === 'absent') {
      findings.push(find('device_missing', device ? device.reason : null, type));
    } else if (device.state === 'denied') {
      findings.push(find('device_denied', device.reason, type));
    } else if (type === 'camera') {
      findings.push(...await camera(calls, find));
    }
  }
  const error = isFailure(wish.error) ? wish.error : null;
  if (error && error.code === 'busy' && !findings.some((one) => one.code === 'device_busy')) {
    findings.push(find('device_busy', error.detail));
  }
  return findings;
}

/** Whether the camera in use can be opened; a token that may not ask is not told. */
async function camera(calls: Calls, find: Find): Promise<Finding[]> {
  let cameras: Cameras;
  try {
    cameras = await calls.json<Cameras>('listCameras');
  } catch {
    return [];
  }
  const first = cameras.cameras[0];
  if (!first || first.state !== 'failed') return [];
  return [find(HELD.test(first.reason || '') ? 'device_busy' : 'device_failed', first.reason, 'camera')];
}
