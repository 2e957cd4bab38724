import type { Capture, FileMaterial, Material, RefileMaterial } from '../schema.js';
import { type Desk, Refused } from './desk.js';

/** Files captures. No two simulated papers are the same, so nothing is recognised. */
export function filed(desk: Desk, wish: FileMaterial): Material {
  const ids = wish.pages ? wish.pages.map((page) => page.capture) : wish.captures || [];
  if (!wish.holders || wish.holders.length === 0 || ids.length === 0 || !wish.kind) {
    throw new Refused('invalid', 'holders, kind and pages are needed');
  }
  const subjects = wish.holders.map((id) => desk.holder(id).subject);
  const captures = ids.map((id) => desk.capture(id));
  const record = recordOf(desk, wish, captures);
  desk.captures = desk.captures.filter((one) => ids.indexOf(one.id) < 0);
  if (wish.supersedes) desk.material(wish.supersedes).status = 'superseded';
  desk.materials.push({ subjects, record });
  desk.publish('material.filed', { material: record.id });
  return record;
}

/** Puts a paper right: whose it is, what it is, for which case. */
export function refiled(desk: Desk, id: string, wish: RefileMaterial): Material {
  const record = desk.material(id);
  if (!wish.reason || !(wish.holders || wish.kind || wish.case)) {
    throw new Refused('invalid', 'reason and one of holders, kind and case are needed');
  }
  const subjects = wish.holders && wish.holders.map((holder) => desk.holder(holder).subject);
  for (const one of desk.materials) {
    if (one.record === record && subjects) one.subjects = subjects;
  }
  if (wish.kind) record.kind = wish.kind;
  if (wish.case) record.case = wish.case;
  desk.publish('material.refiled', { material: id });
  return record;
}

function recordOf(desk: Desk, wish: FileMaterial, captures: Capture[]): Material {
  return {
    id: desk.newId(), kind: wish.kind, case: wish.case || null, item: wish.item || null, slot: wish.slot || null,
    issued_on: wish.issued_on || null, valid_until: wish.valid_until || null, issuer: wish.issuer || null,
    document_number: wish.document_number || null, presented_as: wish.presented_as || null,
    original_seen: wish.original_seen === undefined ? null : wish.original_seen, note: wish.note || null,
    pages: captures.map((one, index) => ({
      page: index + 1, digest: one.digest, original_digest: one.original_digest, width: one.width, height: one.height,
      media_type: 'image/png' as const, original_disposed: false,
    })),
    captured_at: captures[captures.length - 1].captured_at, filed_at: desk.instant(), counter: 'simulated',
    duplicate: false, duplicate_of: null, supersedes: wish.supersedes || null, safe_at: 'this_pc', status: 'current',
    origin: captures.some((one) => one.origin === 'simulated') ? 'simulated' : captures[0].origin,
  };
}
