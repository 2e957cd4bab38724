import type {
  Capture, Erasure, Event, EventType, Material, OperatorSession, ProblemCode, Right, SignInWay, SimulateFault, Subject,
} from '../schema.js';
import { CAMERA, CARDS, FRAMES, READER, ZOOM } from './samples.js';

/** A simulated refusal. */
export class Refused {
  constructor(readonly code: ProblemCode, readonly detail: string | null = null) {}
}

/** An open dossier. */
export interface Open {
  id: string;
  /** Whose: a kind and a number. */
  subject: string;
  rights: Right[];
}

/** As many events as the service keeps. */
const KEPT = 1024;
const HOLDER_MS = 15 * 60 * 1000;
const DAY_MS = 12 * 60 * 60 * 1000;
const IDLE_MS = 10 * 60 * 1000;

/** What lies on the simulated desk, and what was filed; in memory, for as long as the page lives. */
export class Desk {
  card: string | null = null;
  frame: string | null = FRAMES[0];
  zoom = ZOOM.value;
  holders: Open[] = [];
  session: OperatorSession | null = null;
  captures: Capture[] = [];
  materials: { subjects: string[]; record: Material }[] = [];
  erasures: Erasure[] = [];
  events: Event[] = [];
  lastId = Date.now();
  private faults: SimulateFault[] = [];
  private bells: (() => void)[] = [];
  private count = 0;

  /** A new identifier, 32 digits like the service's. */
  newId(): string {
    this.count += 1;
    const text = `00000000000000000000000000000000${this.count.toString(16)}`;
    return text.slice(text.length - 32);
  }

  /** An instant as the service writes it, so far from now. */
  instant(afterMs = 0): string {
    return new Date(Date.now() + afterMs).toISOString();
  }

  holderEnds(): string {
    return this.instant(HOLDER_MS);
  }

  publish(type: EventType, data: { [name: string]: any }): void {
    this.lastId += 1;
    this.events.push({ id: this.lastId, type, at: this.instant(), data });
    if (this.events.length > KEPT) this.events.shift();
    this.ring();
  }

  /** Called once, with the next change. */
  onChange(bell: () => void): void {
    this.bells.push(bell);
  }

  insert(name: string | null): void {
    if (name !== null && !CARDS[name]) throw new Refused('simulated_unknown');
    if (this.card !== null) this.publish('card.removed', { device: READER });
    this.card = name;
    if (name !== null) this.publish('card.inserted', { device: READER });
  }

  lay(frame: string | null): void {
    if (frame !== null && FRAMES.indexOf(frame) < 0) throw new Refused('simulated_unknown');
    this.frame = frame;
    this.tellPage();
  }

  /** What a watched camera tells of its page. */
  tellPage(): void {
    const corners = this.frame === null ? null : [[90, 21], [230, 21], [230, 219], [90, 219]];
    const where = { camera: CAMERA, corners, confidence: corners ? 0.98 : 0, width: 320, height: 240 };
    this.publish('page.outline', { ...where, cut: false });
    if (corners) this.publish('page.settled', where);
  }

  spoil(fault: SimulateFault): void {
    this.faults.push({ ...fault, times: fault.times === undefined ? 1 : fault.times });
  }

  /** The fault that hits the next use of a device, if one is to come. */
  strike(device: 'card' | 'camera'): string | null {
    const fault = this.faults.filter((one) => one.device === device && (one.times || 0) > 0)[0];
    if (!fault) return null;
    fault.times = (fault.times || 0) - 1;
    if (fault.fault === 'unplug') {
      const which = device === 'card' ? { device: READER, type: 'card_reader' } : { device: CAMERA, type: 'camera' };
      this.publish('device.lost', which);
      setTimeout(() => this.publish('device.found', which), 500);
    }
    return fault.fault;
  }

  /** Sits a clerk down; whoever else sat here is out, and what was open is closed. */
  signIn(operator: string, by: SignInWay): OperatorSession {
    const own = this.session && this.session.operator === operator ? this.session : null;
    if (this.session && !own) this.signOut('switched');
    if (!own) this.holders = [];
    this.session = {
      session: own ? own.session : this.newId(), operator, by, state: 'open',
      signed_in_at: own ? own.signed_in_at : this.instant(), expires_at: this.instant(DAY_MS), locks_at: this.instant(IDLE_MS),
    };
    this.publish('operator.signed_in', { client: 'simulated', resumed: own !== null });
    return this.session;
  }

  signOut(reason: string): void {
    this.session = null;
    this.holders = [];
    this.publish('operator.signed_out', { client: 'simulated', reason });
  }

  open(subject: string, rights: Right[]): Open {
    const known = this.holders.filter((one) => one.subject === subject && one.rights.length === rights.length)[0];
    if (known) return known;
    const opened = { id: this.newId(), subject, rights };
    this.holders.push(opened);
    return opened;
  }

  holder(id: string): Open {
    const found = this.holders.filter((one) => one.id === id)[0];
    if (!found) throw new Refused('holder_unknown');
    return found;
  }

  capture(id: string): Capture {
    const found = this.captures.filter((one) => one.id === id)[0];
    if (!found) throw new Refused('capture_unknown');
    return found;
  }

  /** A material that an open dossier with `read` shows. */
  material(id: string): Material {
    const found = this.materials.filter((one) => one.record.id === id)[0];
    if (!found) throw new Refused('material_unknown');
    const seen = this.holders.some((one) => one.rights.indexOf('read') >= 0 && found.subjects.indexOf(one.subject) >= 0);
    if (!seen) throw new Refused('holder_required');
    return found.record;
  }

  reset(): void {
    this.faults = [];
    this.insert('01-resident');
    this.lay(FRAMES[0]);
  }

  private ring(): void {
    const bells = this.bells;
    this.bells = [];
    for (const bell of bells) bell();
  }
}

/** Whom a number is about, as one word. */
export function subjectOf({ type, value }: Subject): string {
  return `${type}:${value.replace(/\s/g, '').toUpperCase()}`;
}
