// Made from fixtures/openapi.json by tools/generate.mjs (`npm run generate`); not to be edited.

/** New values, at least one. Those that switch something on or off are set first. */
export interface AdjustControls {
  /** New value of `brightness`, within its range. */
  brightness?: number;
  /** New value of `contrast`, within its range. */
  contrast?: number;
  /** New value of `exposure`, within its range. */
  exposure?: number;
  /** New value of `exposure_auto`, within its range. */
  exposure_auto?: number;
  /** New value of `focus`, within its range. */
  focus?: number;
  /** New value of `focus_auto`, within its range. */
  focus_auto?: number;
  /** New value of `gain`, within its range. */
  gain?: number;
  /** New value of `power_line_frequency`, within its range. */
  power_line_frequency?: number;
  /** New value of `saturation`, within its range. */
  saturation?: number;
  /** New value of `sharpness`, within its range. */
  sharpness?: number;
  /** New value of `white_balance`, within its range. */
  white_balance?: number;
  /** New value of `white_balance_auto`, within its range. */
  white_balance_auto?: number;
  /** New value of `zoom`, within its range. */
  zoom?: number;
}

/** The archive in figures. */
export interface Archive {
  /** Stored pictures. */
  blobs: number;
  /** Number of the key epoch; rises when people are forgotten. */
  epoch: number;
  /** People and organisations with a dossier here. */
  holders: number;
  /** What is known of the ledger: it is read through once after each start, and what comes to harm later is noticed at the next. */
  ledger: LedgerState;
  /** Number of the ledger's last entry. */
  ledger_head: number;
  /** Places of the ledger, and captures that waited, that are missing or did not open; also those that were lost before the ledger was made anew of what was left of it. An audit counts the places alone: a capture says nothing of anybody. */
  ledger_left_out: number;
  /** Filed materials. */
  materials: number;
  /** Damaged pictures that are moved aside and not repaired yet. */
  quarantined: number;
  /** Pictures that were found damaged then. */
  scrub_damaged: number;
  /** When every picture had last been read back; null: not yet. */
  scrubbed_at: string | null;
  /** Captures that wait to be filed. */
  unfiled: number;
}

/** What is known of the archive: `damaged` where pictures are moved aside as damaged or the ledger is, `incomplete` where something is lost for good as a rebuild entered, or a hold may be and nobody has confirmed yet that none is, `unchecked` as long as the ledger has not been read through since the start. */
export type ArchiveState = 'unchecked' | 'whole' | 'incomplete' | 'damaged';

/** On what ground a dossier is opened without the card. `none`: a number alone, for filing only. */
export type Basis = 'none' | 'guardian' | 'authorised_agent' | 'lost_card' | 'no_card' | 'official_duty';

/** One camera. */
export interface Camera {
  /** What can be adjusted; empty where it cannot be asked. */
  controls: CameraControl[];
  /** The driver it belongs to. */
  driver: string;
  /** Stable identifier: the same camera at the same place keeps it. */
  id: string;
  /** What it can take, the largest first; empty where it cannot be asked. */
  modes: CameraMode[];
  /** As its maker calls it. */
  name: string;
  /** Why it cannot be used, or what would open it; null where it is ready. */
  reason: string | null;
  /** Whether it can be used. */
  state: CameraState;
}

/** One thing that can be adjusted, and how it stands. */
export interface CameraControl {
  /** Whether the camera takes a new value now: not `focus` while it focuses by itself. */
  active: boolean;
  /** What the camera starts with. */
  default: number;
  /** Largest value. */
  max: number;
  /** Smallest value. */
  min: number;
  /** Which. */
  name: ControlName;
  /** Between two values. */
  step: number;
  /** What it is now. */
  value: number;
}

/** One size and encoding of pictures. */
export interface CameraMode {
  /** How they are encoded. */
  format: FrameFormat;
  /** Pixels down. */
  height: number;
  /** The rates it offers, the fastest first; empty where the camera does not say. */
  rates: CameraRate[];
  /** Pixels across. */
  width: number;
}

/** Frames a second, as a fraction: `frames` in `seconds`. */
export interface CameraRate {
  /** So many frames … */
  frames: number;
  /** … in so many seconds. */
  seconds: number;
}

/** `ready`; `denied`: the system keeps it from this program; `failed`: it does not answer. */
export type CameraState = 'ready' | 'denied' | 'failed';

/** The cameras. */
export interface Cameras {
  /** Those that are there; the first that is `ready` is used where none is named. */
  cameras: Camera[];
}

/** A capture that waits to be filed. */
export interface Capture {
  /** When it was captured. */
  captured_at: string;
  /** Where `split` was asked for or a PDF handed in, the capture of each paper or page, this one first; else null. */
  captures: Capture[] | null;
  /** The barcodes and QR codes on the page, from top to bottom, 16 and 32 KiB of text at most; null where `codes` was not asked for. */
  codes: PageCode[] | null;
  /** How sure the page finder was, 0 to 1; 0 when it found none. */
  confidence: number;
  /** Where the page lies in the frame; null: the whole frame was kept. */
  corners: Corners | null;
  /** SHA-256 of the page's bytes, hexadecimal. */
  digest: string;
  /** When it is thrown away unless it is filed: 14 days after. */
  expires_at: string;
  /** Height of the page in pixels. */
  height: number;
  /** The capture's identifier. */
  id: string;
  /** Where the same picture is on file in the dossier that was named; empty in lists. */
  matches: Match[];
  /** Where it came from. */
  origin: Origin;
  /** SHA-256 of the untouched frame's bytes, hexadecimal. */
  original_digest: string;
  /** How legible the page is. */
  quality: Quality;
  /** Which paper the page is; null where it is none of those that are known, or where the whole frame was kept. A PDF's page is told by the size that the PDF gives it. Without `px_per_mm` a photographed A5 or B5 counts as A4, whose proportions it has. */
  size: PaperSize | null;
  /** How far the page was turned clockwise because of its writing, after `rotate`, in degrees: 0, 90, 180 or 270; null where `upright` was not asked for, or the writing did not tell and the page stays as it lay. */
  turned_degrees: number | null;
  /** Width of the page in pixels. */
  width: number;
}

/** An upload: the picture, and the fields of a capture as further parts. */
export interface CaptureForm {
  /** As in `CaptureWish`. */
  codes?: boolean;
  /** As in `CaptureWish`, written as JSON. */
  corners?: string;
  /** As in `CaptureWish`. */
  crop?: Crop;
  /** As in `CaptureWish`. */
  dpi?: number;
  /** JPEG, PNG or PDF, at most 32 MiB with the rest of the form. */
  file: Picture;
  /** As in `CaptureWish`. */
  holder?: string;
  /** As in `CaptureWish`. */
  px_per_mm?: number;
  /** As in `CaptureWish`. */
  rotate?: Rotation;
  /** As in `CaptureWish`. */
  split?: boolean;
  /** As in `CaptureWish`. */
  tone?: Tone;
  /** As in `CaptureWish`. */
  upright?: boolean;
}

/** How to capture. */
export interface CaptureWish {
  /** Camera id; the preferred one unless said. */
  camera?: string | null;
  /** Whether the barcodes and QR codes on the page are read, some tenths of a second; not unless said. */
  codes?: boolean | null;
  /** For `crop` `corners`: where the page lies in the frame. */
  corners?: Corners | null;
  /** What of the frame to keep; `auto` unless said. */
  crop?: Crop | null;
  /** Resolution of the page; as the frame has it unless said. */
  dpi?: number | null;
  /** An open dossier: look there for the same bytes, if it may be read. */
  holder?: string | null;
  /** The camera's scale on the mat, in pixels a millimetre of paper. With it sizes are told by size, and A5 and B5 from A4; without it by proportions alone. */
  px_per_mm?: number | null;
  /** How far to turn the page, clockwise; not at all unless said. */
  rotate?: Rotation | null;
  /** Whether several papers beside each other become one capture each; not unless said. */
  split?: boolean | null;
  /** For `when` `settled`: how long to wait for that, in milliseconds; 10000 unless said. */
  timeout_ms?: number | null;
  /** `colour` unless said. */
  tone?: Tone | null;
  /** Whether the page is turned further by its writing, where that tells which way is up; not unless said. */
  upright?: boolean | null;
  /** When to take the picture; the next frame unless said. */
  when?: When | null;
}

/** A page of captures. */
export interface Captures {
  /** The captures, oldest first. */
  captures: Capture[];
  /** What to send as `cursor` for the next page; null at the end. */
  next_cursor: string | null;
}

/** Whether a real reader or a simulated one gave it. */
export type CardOrigin = 'device' | 'simulated';

/** What the card says. Whatever the card or the reader does not give is null. */
export interface CardReading {
  /** The address printed on the card. */
  address: string | null;
  /** Date of birth. */
  birth_date: string | null;
  /** The chip's serial, hexadecimal. */
  chip_serial: string | null;
  /** Which of the four cards it is. */
  document_type: DocumentType;
  /** The ethnic group in Chinese, without 族. */
  ethnicity: string | null;
  /** The ethnic group as the two digits of GB/T 3304. */
  ethnicity_code: string | null;
  /** When the dossier closes by itself, unless it is used before. */
  expires_at: string | null;
  /** The fingers' blocks of 512 bytes as they stand on the card, base64; null unless the configuration and the scope `card:fingerprint` both allow it and the card has them. */
  fingerprint: string[] | null;
  /** The open dossier; null when the card's number identifies nobody. */
  holder: string | null;
  /** The number of the person, 18 characters on residents' cards. */
  id_number: string | null;
  /** The authority that issued the card. */
  issuer: string | null;
  /** 长期: no end of validity. */
  long_term: boolean;
  /** The name in Chinese. */
  name: string | null;
  /** The name in Latin letters, on foreigners' cards. */
  name_en: string | null;
  /** The nationality as the three letters of GB/T 2659, on foreigners' cards. */
  nationality: string | null;
  /** The newest address appended to the card. */
  new_address: string | null;
  /** Whether a real card was read. */
  origin: CardOrigin;
  /** Number of the travel permit, on residence permits for Hong Kong, Macao and Taiwan residents. */
  pass_number: string | null;
  /** The portrait as PNG or JPEG, base64. */
  photo: string | null;
  /** What became of the portrait. */
  photo_status: PhotoStatus;
  /** The compressed photo as the card holds it, base64. */
  photo_wlt: string | null;
  /** What the open dossier allows. */
  rights: Right[];
  /** The security module's number. */
  sam_id: string | null;
  /** The sex in Chinese: 男, 女, or another word of GB/T 2261.1. */
  sex: string | null;
  /** The sex as the digit of GB/T 2261.1. */
  sex_code: string | null;
  /** First day of validity. */
  valid_from: string | null;
  /** Last day of validity; null with `long_term`. */
  valid_until: string | null;
  /** What is odd about the card; empty as a rule. */
  warnings: CardWarning[];
}

/** What is odd about a card. None of them keeps it from being read. */
export type CardWarning = 'check_digit_wrong' | 'id_number_malformed' | 'birth_date_invalid' | 'birth_date_differs' | 'validity_invalid' | 'expired' | 'name_has_private_use_characters' | 'text_damaged' | 'sex_code_unknown' | 'ethnicity_code_unknown' | 'fingerprint_malformed';

/** Four points `[x, y]` in pixels of the page, clockwise from the top left: the upright rectangle around the places by which the code was found. A barcode's may have no height: it is read along a line. */
export type CodeCorners = [[number, number], [number, number], [number, number], [number, number]];

/** Which request. */
export interface CollectPairing {
  /** As `requestPairing` gave it out. */
  pairing: string;
}

/** What came of it. */
export interface CollectedPairing {
  /** How far it has come. */
  state: PairingState;
  /** The token, given out this once; null unless paired. */
  token: string | null;
}

/** What can be adjusted on a camera. `exposure` in units of 100 µs, `white_balance` in kelvin, `power_line_frequency` 0 off, 1 50 Hz, 2 60 Hz, 3 by itself; names with `_auto`: 1, the camera does it by itself; all others in the camera's own steps. */
export type ControlName = 'focus' | 'focus_auto' | 'exposure' | 'exposure_auto' | 'white_balance' | 'white_balance_auto' | 'zoom' | 'brightness' | 'contrast' | 'saturation' | 'sharpness' | 'gain' | 'power_line_frequency';

/** What one camera's controls are after a change. */
export interface Controls {
  /** All of them. */
  controls: CameraControl[];
}

/** Four points `[x, y]` in pixels of the frame: top-left, top-right, bottom-right, bottom-left of the page as it lies there. */
export type Corners = [[number, number], [number, number], [number, number], [number, number]];

/** `auto`: find the page; `full`: keep the whole frame; `corners`: take the given ones. */
export type Crop = 'auto' | 'full' | 'corners';

/** Yes or no. */
export interface DecidePairing {
  /** Whether it is given a token. */
  accept: boolean;
  /** The digits. */
  code: string;
}

/** One device, or its absence. */
export interface Device {
  /** The driver in use. */
  driver: string | null;
  /** Stable identifier; null while there is no device. */
  id: string | null;
  /** As its maker calls it. */
  name: string | null;
  /** Why this one is in use, or is not; why there is none; what would open it. And what the driver did that it must not. */
  reason: string | null;
  /** Whether it can be used. */
  state: DeviceState;
  /** What it is. */
  type: DeviceType;
}

/** `ready`; `absent`: none is there; `denied`: the system keeps it from this program. */
export type DeviceState = 'ready' | 'absent' | 'denied';

/** What a device is. */
export type DeviceType = 'card_reader' | 'camera';

/** The bytes of a PDF document. */
export type Document = Blob;

/** Which of the four cards it is. */
export type DocumentType = 'resident' | 'foreigner_2017' | 'foreigner_2023' | 'hmt';

/** An erasure and how far it has come. */
export interface Erasure {
  /** When it was carried out here; null before. */
  erased_at: string | null;
  /** The erasure's identifier. */
  id: string;
  /** The materials that went. */
  materials: string[];
  /** Pictures that another paper may need whose ledger entry could not be read then; nearly always 0. Of a person they went all the same; of a material they stay sealed on this PC, and go once a rebuild has found what was lost. */
  pictures_unproven: number;
  /** Why the repository refused it; null where it did not, or did not say. */
  refusal: ErasureRefusal | null;
  /** What the repository said; `none` too where it was carried out here while there was none. */
  repository: ErasureRepository;
  /** Digests of pictures that stay because they are someone else's paper too, or a capture that is not filed yet. */
  shared_kept: string[];
  /** How far it has come. */
  state: ErasureState;
}

/** Why the repository refused an erasure. `legal_hold`: a hold there keeps it; `holds_unproven`: its ledger lost something that may have been a hold, and its operator has to confirm the holds; `erasure_denied`: this window neither filed it nor had the dossier open lately; `invalid`: the request does not hold together; `repository_refused`: anything else. */
export type ErasureRefusal = 'legal_hold' | 'holds_unproven' | 'erasure_denied' | 'invalid' | 'repository_refused';

/** What the repository said to an erasure; `none`: there is no repository. */
export type ErasureRepository = 'confirmed' | 'pending' | 'none';

/** How far an erasure has come; `refused` and `done` are final. */
export type ErasureState = 'requested' | 'approved' | 'refused' | 'done';

/** One event. Its data names devices and materials by their opaque identifiers, never a person. */
export interface Event {
  /** When it happened. */
  at: string;
  /** What it is about: `device` and its `type`, `material`, or nothing; of a clerk's session `client`, the token's name, and `resumed` or `reason` (`asked`, `switched`, `idle`, `expired`); for a page `camera`, `corners` (null: no whole page), `cut` (of an outline: a page runs out of the picture), `confidence`, and `width` and `height` of the preview's frame that the corners are counted in. */
  data: { [name: string]: any };
  /** Rises with every event, also across restarts. */
  id: number;
  /** `card.inserted`, `card.removed`, `device.lost`, `device.found`, `page.outline`, `page.settled`, `material.filed`, `material.refiled`, `material.erased`, `capture.expiring`, `sync.progress`, `sync.rejected`, `pairing.requested`, `pairing.decided`, `operator.signed_in`, `operator.signed_out`, `operator.locked`. More may come. `device.lost` and `device.found` are about the card reader in use, one following the other where a better one takes its place, and about every camera. While somebody watches a camera's preview, `page.outline` tells where the page lies in it as that changes, and `page.settled`, once for every paper, that it has come to rest. Of outlines only the newest is kept for listeners that come back. */
  type: string;
}

/** A paper to file. */
export interface FileMaterial {
  /** Its pages in order, where nothing is said about them; instead of `pages`. */
  captures?: string[];
  /** Case number; that of the dossier unless said. */
  case?: string | null;
  /** Its own number. */
  document_number?: string | null;
  /** Open dossiers of those whose paper it is, 1 to 16. */
  holders: string[];
  /** The day it was issued. */
  issued_on?: string | null;
  /** Who issued it. */
  issuer?: string | null;
  /** Code of the item. */
  item?: string | null;
  /** What it is, as a word the office chose. */
  kind: string;
  /** What the clerk wants to say about it. */
  note?: string | null;
  /** Whether the clerk saw the original. */
  original_seen?: boolean | null;
  /** Its pages in order, 1 to 200. */
  pages?: FilePage[];
  /** What form of the paper the clerk was shown. */
  presented_as?: PresentedAs | null;
  /** Which required paper of the item it is. */
  slot?: string | null;
  /** The older material of the same kind and of one of these holders whose place it takes; that one stays readable as `superseded`. */
  supersedes?: string | null;
  /** Its last day of validity. */
  valid_until?: string | null;
}

/** One page to file. */
export interface FilePage {
  /** Which of the holders this page is about; all of them unless said. */
  about?: string[];
  /** An unfiled capture's identifier. */
  capture: string;
}

/** `mjpeg`: a JPEG each, passed on as it is; `raw`: bare pixels, encoded by this program. */
export type FrameFormat = 'mjpeg' | 'raw';

/** That the service answers. */
export interface Health {
  /** What this service knows of its archive. `GET /v1/status` says more, `yidang archive verify` all. */
  archive: ArchiveState;
  /** Always `ok`: a service that is not well does not answer. */
  status: ServiceState;
  /** The program's version. */
  version: string;
}

/** Which card. */
export interface InsertCard {
  /** A card file's stem; null takes the card away. */
  insert: string | null;
}

/** The faults a device knows. */
export interface KnownFaults {
  /** `card` or `camera`. */
  device: SimulatedDevice;
  /** Their names. */
  faults: string[];
}

/** Which frame. */
export interface LayFrame {
  /** A frame file's stem; null leaves the bare mat. */
  frame: string | null;
}

/** What is known of the ledger; `unchecked` as long as it has not been read through since the start, `incomplete` where something is lost for good as a rebuild entered, or a hold may be and nobody has confirmed yet that none is. */
export type LedgerState = 'unchecked' | 'whole' | 'incomplete' | 'damaged';

/** What one clerk left. */
export interface LeftBy {
  /** When they were last here, or the service's start if they were not since; null: they are here. */
  away_since: string | null;
  /** How many captures of theirs wait to be filed. */
  captures: number;
  /** Whether the caller may take them over now: they have been away for long enough, or the token has the scope `admin`. */
  may_take_over: boolean;
  /** The clerk. */
  operator: string;
}

/** What other clerks left. */
export interface LeftCaptures {
  /** The clerks, by name; empty where clerks need not sign in: there everyone sees everything. */
  clerks: LeftBy[];
}

/** Where the same picture is on file already. */
export interface Match {
  /** The material. */
  material: string;
  /** Which of its pages; counts from 1. */
  page: number;
  /** How sure that is, 0 to 1. */
  score: number;
  /** How alike they are. */
  verdict: MatchVerdict;
}

/** `same`: the very same bytes. */
export type MatchVerdict = 'same';

/** A filed material. */
export interface Material {
  /** When its last page was captured. */
  captured_at: string;
  /** Case number. */
  case: string | null;
  /** The window it was filed at. */
  counter: string;
  /** Its own number. */
  document_number: string | null;
  /** Whether this answers a filing of something that was on file for the same case and slot already. */
  duplicate: boolean;
  /** An earlier material of the same holders with the same bytes. Where another window had filed this very paper for the same case and slot, with the same words, it is that one, under whose identifier the repository has both. */
  duplicate_of: string | null;
  /** When it was filed. */
  filed_at: string;
  /** The material's identifier, the same everywhere. */
  id: string;
  /** The day it was issued. */
  issued_on: string | null;
  /** Who issued it. */
  issuer: string | null;
  /** Code of the item. */
  item: string | null;
  /** What it is, as a word the office chose. */
  kind: string;
  /** What the clerk wrote about it. */
  note: string | null;
  /** Where its pictures came from; the least trusted of its pages decides. */
  origin: Origin;
  /** Whether the clerk saw the original. */
  original_seen: boolean | null;
  /** Its pages in order. */
  pages: Page[];
  /** What form of the paper the clerk was shown. */
  presented_as: PresentedAs | null;
  /** Where it is safe. */
  safe_at: SafeAt;
  /** Which required paper of the item it is. */
  slot: string | null;
  /** Whether it still counts. */
  status: MaterialStatus;
  /** The older material whose place it takes. */
  supersedes: string | null;
  /** Its last day of validity. */
  valid_until: string | null;
}

/** Whether a material still counts. */
export type MaterialStatus = 'current' | 'superseded' | 'revoked';

/** A part of a dossier, newest first. */
export interface Materials {
  /** The materials. The first page of `scope=all` begins with those the repository does not have yet. */
  materials: Material[];
  /** What to send as `cursor` for the next page; null at the end. */
  next_cursor: string | null;
  /** What the repository said. */
  repository: RepositoryAnswer;
}

/** How a picture is encoded. */
export type MediaType = 'image/jpeg' | 'image/png';

/** `check_digit_wrong`: the number was probably mistyped. */
export type NumberWarning = 'check_digit_wrong';

/** Whom to open, and on what ground. */
export interface OpenHolder {
  /** On what ground. */
  basis: Basis;
  /** Case number; required unless `basis` is `none`. */
  case?: string | null;
  /** Identifiers of captures that prove the ground, for the reviewer. */
  evidence?: string[];
  /** What for; required unless `basis` is `none`. */
  purpose?: string | null;
  /** Whom. */
  subject: Subject;
}

/** An open dossier. */
export interface OpenedHolder {
  /** When it closes by itself, unless it is used before. */
  expires_at: string;
  /** Names the open dossier in later calls of this token; says nothing about the person. */
  holder: string;
  /** What it allows. */
  rights: Right[];
  /** What is odd about the number; empty as a rule. */
  warnings: NumberWarning[];
}

/** What calls must tell of their clerk: nothing, a name in `Yidang-Operator`, or a session in `Yidang-Session`. */
export type OperatorNeed = 'none' | 'named' | 'session';

/** A clerk's session. */
export interface OperatorSession {
  /** How they proved it. */
  by: SignInWay;
  /** When it ends in any case. */
  expires_at: string;
  /** When it locks, unless a call carries it before; past, if it is locked. */
  locks_at: string;
  /** The clerk, as the ledger names them. */
  operator: string;
  /** Goes into the header `Yidang-Session` of every call. Good with this token only. */
  session: string;
  /** When it began. */
  signed_in_at: string;
  /** `open`, or `locked` until the same clerk signs in again. */
  state: SessionState;
}

/** What this window wants of clerks, and the session that the call carried. */
export interface OperatorState {
  /** After how long without use a session locks, in milliseconds. */
  idle_lock_ms: number;
  /** Whether any clerk can sign in by PIN here. */
  pins: boolean;
  /** What calls must tell of their clerk. */
  required: OperatorNeed;
  /** Null: the call carried none, or it is over. */
  session: OperatorSession | null;
}

/** Where a picture came from. The repository refuses `simulated` unless it is told otherwise. */
export type Origin = 'device' | 'upload' | 'simulated';

/** One page. */
export interface Page {
  /** SHA-256 of the page's bytes, hexadecimal. */
  digest: string;
  /** Height in pixels. */
  height: number;
  /** How the page's picture is encoded. */
  media_type: MediaType;
  /** SHA-256 of the untouched frame's bytes, hexadecimal. */
  original_digest: string;
  /** Whether the untouched frame is gone, as its term was shorter than the paper's. */
  original_disposed: boolean;
  /** Counts from 1. */
  page: number;
  /** Width in pixels. */
  width: number;
}

/** A barcode or QR code on a page. */
export interface PageCode {
  /** Where it stands on the page. */
  corners: CodeCorners;
  /** Its kind. */
  symbology: Symbology;
  /** What it says. Whoever printed the paper wrote this: show it, check it, never follow it unasked. */
  text: string;
}

/** What can be asked for by pairing; other scopes are given at the command line only. */
export type PairingScope = 'card' | 'capture' | 'archive:write' | 'archive:read';

/** How far a request for a token has come. `refused` and `paired` are told once. */
export type PairingState = 'waiting' | 'refused' | 'paired';

/** Which paper a page is. `ID-1`: a card, 85.6 by 54 mm; `hukou_page` and `hukou_spread`: a page of the household register booklet, and the open booklet. */
export type PaperSize = 'A4' | 'A5' | 'B5' | 'ID-1' | 'hukou_page' | 'hukou_spread';

/** The operator's photo decoder. */
export interface PhotoDecoder {
  /** Why it cannot be used, or what it is not kept from. */
  reason: string | null;
  /** Whether it can be used. */
  state: PhotoDecoderState;
}

/** `none`: no decoder is configured; `ready`; `absent`: the configured program cannot be run. */
export type PhotoDecoderState = 'none' | 'ready' | 'absent';

/** `decoded`: `photo` has the portrait; `no_decoder`: only `photo_wlt` could be given; `failed`: it could not be decoded; `none`: the card gave none. */
export type PhotoStatus = 'decoded' | 'no_decoder' | 'failed' | 'none';

/** The bytes of a JPEG or PNG picture. */
export type Picture = Blob;

/** Steps to play. */
export interface PlayScenario {
  /** Played one after the other. */
  steps: ScenarioStep[];
}

/** The answer to a long poll. */
export interface Polled {
  /** What to send as `after` next time. */
  after: number;
  /** What happened, oldest first; empty when the wait is over and nothing did. */
  events: Event[];
}

/** What form of the paper the clerk was shown. */
export type PresentedAs = 'original' | 'copy' | 'certified' | 'e_licence';

/** A ticket. */
export interface PreviewTicket {
  /** The camera. */
  camera: string;
  /** Until when the preview can be begun; it may then go on as long as the token holds. */
  expires_at: string;
  /** Good for one preview. */
  ticket: string;
  /** Where the preview is, the ticket with it; below this service's own address. */
  url: string;
}

/** The document as it goes out (`application/problem+json`, RFC 9457). */
export interface Problem {
  /** The stable code. */
  code: ProblemCode;
  /** What this case adds, without personal data: where the code alone would mislead, plain words in the caller's language, then English. Left out where there is nothing to add. */
  detail?: string;
  /** What to do about it, in the caller's language. */
  remedy: string;
  /** The HTTP status, again. */
  status: number;
  /** What is wrong, in the caller's language. */
  title: string;
  /** `about:blank`: the code tells the kinds apart. */
  type: string;
}

/** What can go wrong. More may come. */
export type ProblemCode = 'token_missing' | 'token_invalid' | 'token_expired' | 'operator_required' | 'operator_locked' | 'operator_mismatch' | 'operator_unknown' | 'pin_wrong' | 'pin_locked' | 'assertion_invalid' | 'scope_missing' | 'origin_denied' | 'holder_required' | 'right_missing' | 'pairing_closed' | 'ticket_invalid' | 'route_unknown' | 'holder_unknown' | 'pairing_unknown' | 'capture_unknown' | 'material_unknown' | 'erasure_unknown' | 'simulated_unknown' | 'method_not_allowed' | 'material_elsewhere' | 'card_absent' | 'not_settled' | 'not_a_card' | 'capture_filed' | 'idempotency_conflict' | 'material_superseded' | 'material_restricted' | 'original_disposed' | 'legal_hold' | 'holds_unproven' | 'holder_expired' | 'body_too_large' | 'not_an_image' | 'range_unsatisfiable' | 'host_denied' | 'image_damaged' | 'image_too_large' | 'invalid' | 'too_many' | 'pin_wait' | 'blob_damaged' | 'erasure_unfinished' | 'storage_failed' | 'card_unreadable' | 'camera_failed' | 'repository_failed' | 'reader_absent' | 'camera_absent' | 'busy' | 'repository_unreachable' | 'disk_full';

/** What can be said of a picture's legibility. */
export interface Quality {
  /** Median brightness, 0 (black) to 1 (white). Most of a page is paper, so this is the paper's. */
  brightness: number;
  /** How much of a side is missing at the worst corner, as a share of the shorter side; 1 where the page runs out of the frame. */
  corner_missing: number;
  /** The camera's pixels an inch of paper; null where the paper's size is not known. */
  dpi: number | null;
  /** The same at length, in the same order: what was measured, and what to tell the clerk, who may go on anyway. */
  findings: QualityFinding[];
  /** Share of the page that fingers cover, 0 to 1. */
  finger_share: number;
  /** Share of the page that is burnt out by a reflection, 0 to 1. */
  glare_share: number;
  /** What makes it hard to read; empty on a good page. */
  issues: QualityIssue[];
  /** Pixels along the page's longer side. */
  longer_side_px: number;
  /** Steepness of the steepest edges, 0 (blurred) to 1 (sharp). */
  sharpness: number;
}

/** One thing that makes a page hard to read. */
export interface QualityFinding {
  /** The same in English. */
  en: string;
  /** What it is. */
  issue: QualityIssue;
  /** From where on it is bad. */
  threshold: number;
  /** What was measured. */
  value: number;
  /** What is wrong and what to do, in Chinese. */
  zh: string;
}

/** What makes a page hard to read. */
export type QualityIssue = 'blurred' | 'too_dark' | 'too_bright' | 'glare' | 'cut_corner' | 'finger' | 'low_resolution';

/** How to read. An empty body reads what lies there now. */
export interface ReadCard {
  /** Wait this long for a card to come, in milliseconds. */
  wait_ms?: number;
}

/** What is to be put right; at least one of `holders`, `kind` and `case`. */
export interface RefileMaterial {
  /** Case number; as it is unless said. */
  case?: string | null;
  /** Open dossiers of those whose paper it is, 1 to 16; as it is unless said. */
  holders?: string[] | null;
  /** What it is; as it is unless said. */
  kind?: string | null;
  /** Why, for the ledger; 1 to 500 characters and no personal data. */
  reason: string;
}

/** `answered`; `unreachable`: it gave no answer that could be used, and only this PC's materials are listed; `none`: it was not asked, or there is none. */
export type RepositoryAnswer = 'answered' | 'unreachable' | 'none';

/** `none`: this window works alone; `connecting`: not asked yet; `not_enrolled`: it has not been enrolled, or the repository does not know it any more. */
export type RepositoryState = 'none' | 'not_enrolled' | 'connecting' | 'connected' | 'unreachable';

/** What to forget. */
export interface RequestErasure {
  /** An open holder: the person, with all that is theirs alone. Exactly one of `holder` and `material`. */
  holder?: string | null;
  /** One material, by its identifier. */
  material?: string | null;
  /** Why, for the ledger; 1 to 500 characters and no personal data. */
  reason: string;
}

/** Who asks for what. */
export interface RequestPairing {
  /** What the program is called: an administrator reads it, and the ledger names it with all it does. 1 to 64 characters in one line. */
  name: string;
  /** What it wants to do; other scopes are given at the command line only. */
  scopes: PairingScope[];
}

/** Which preview. */
export interface RequestPreview {
  /** Camera id; the preferred one unless said. */
  camera?: string | null;
  /** Most pixels down, 1080 unless said. */
  height_max?: number | null;
  /** Most frames a second, 15 unless said. */
  rate?: number | null;
  /** Most pixels across, 1920 unless said. The camera gives the largest of its modes that fits, or its smallest. */
  width_max?: number | null;
}

/** A request that waits. */
export interface RequestedPairing {
  /** Six digits to show: the administrator finds the same ones on the clerk's page. */
  code: string;
  /** Until when it can be decided and fetched. */
  expires_at: string;
  /** With it, and from the same origin, the answer is fetched. Keep it in memory, and show it to nobody. */
  pairing: string;
}

/** What an open dossier allows: `file` papers into it, `read` what is in it. */
export type Right = 'file' | 'read';

/** Degrees, clockwise. */
export type Rotation = 0 | 90 | 180 | 270;

/** `this_pc`: durable here; `repository`: committed centrally. */
export type SafeAt = 'this_pc' | 'repository';

/** One step of a scenario. Exactly one of `card`, `frame`, `fault`, `remove_card`, `bare_mat`. */
export interface ScenarioStep {
  /** Wait this long after the step before, in milliseconds; all steps together at most ten minutes. */
  after_ms?: number;
  /** Clear the mat. */
  bare_mat?: boolean;
  /** Put this card on the reader. */
  card?: string | null;
  /** Let this fault come. */
  fault?: SimulateFault | null;
  /** Lay this frame under the camera. */
  frame?: string | null;
  /** Take the card away. */
  remove_card?: boolean;
}

/** The service answers. */
export type ServiceState = 'ok';

/** Whether a clerk's session can be used; `locked`: not until the same clerk signs in again. */
export type SessionState = 'open' | 'locked';

/** Who signs in, and the proof: either `operator` and `pin`, or `assertion`. */
export interface SignIn {
  /** What the window system says: a JWT signed with Ed25519 (`alg` `EdDSA`) by a key that an administrator registered. `iss` is the key's name, `sub` the clerk, `aud` this counter, `exp` at most 300 seconds after `iat`, and `jti` new each time. */
  assertion?: string | null;
  /** The clerk, as `yidang operator add` named them. */
  operator?: string | null;
  /** Their PIN. */
  pin?: string | null;
}

/** How a clerk proved to be who they are: by a local PIN, or the window system asserted it. */
export type SignInWay = 'pin' | 'assertion';

/** A fault to come. */
export interface SimulateFault {
  /** `card` or `camera`. */
  device: SimulatedDevice;
  /** One of the faults listed for it. */
  fault: string;
  /** How many operations it hits; 1 unless said. */
  times?: number;
}

/** Which simulated device. */
export type SimulatedDevice = 'card' | 'camera';

/** What can fail how. */
export interface SimulatedFaults {
  /** By device. */
  faults: KnownFaults[];
}

/** What can be put on the simulated desk. */
export interface SimulatedNames {
  /** The cards, in name order. */
  cards: string[];
  /** The frames, in name order. */
  frames: string[];
}

/** How this window stands. */
export interface Status {
  /** The archive in figures. */
  archive: Archive;
  /** This window, as the configuration names it. */
  counter: string;
  /** The card reader and the camera in use, or that there is none; after each the others that are there. */
  devices: Device[];
  /** What turns compressed photos into portraits. */
  photo_decoder: PhotoDecoder;
  /** How far the repository is behind. */
  sync: Sync;
  /** The program's version. */
  version: string;
}

/** Whom a number identifies. */
export interface Subject {
  /** What kind of number it is. */
  type: SubjectType;
  /** The number; spaces around it, width and case of letters do not matter. */
  value: string;
}

/** What kind of number it is. */
export type SubjectType = 'resident' | 'hmt' | 'foreigner' | 'passport' | 'birth_certificate' | 'organisation' | 'provisional';

/** What kind of code it is. */
export type Symbology = 'qr' | 'data_matrix' | 'pdf417' | 'code128' | 'code39' | 'ean13';

/** How far the repository is behind this window. */
export interface Sync {
  /** The size of their pictures. */
  backlog_bytes: number;
  /** Materials that are on file here and not committed centrally, those the repository refused among them. */
  backlog_materials: number;
  /** When the repository last answered; null: not since the start. */
  last_contact_at: string | null;
  /** The stable code of what went wrong last; with nothing else wrong, why the repository refused a material, and before the enrolment, what keeps it from coming about. Null when nothing did. */
  last_error: string | null;
  /** How this window stands with the repository. */
  repository: RepositoryState;
}

/** What to take over. */
export interface TakeOver {
  /** The clerk who left it. */
  operator: string;
  /** Why, for the ledger. */
  reason?: string | null;
}

/** What was taken over. */
export interface TakenOver {
  /** The captures as they are the caller's now, under new identifiers, oldest first; 100 at most. */
  captures: Capture[];
  /** How many are still left: the call takes the next ones. */
  left: number;
}

/** `colour`: as it is; the others whiten the paper: `grey`; `bw`, black and white alone; `seal`, which keeps red stamps and blue ink. */
export type Tone = 'colour' | 'grey' | 'bw' | 'seal';

/** A request as the administrator sees it. */
export interface WaitingPairing {
  /** The digits that the page or program shows. */
  code: string;
  /** Until when it waits. */
  expires_at: string;
  /** What it calls itself. */
  name: string;
  /** The web origin, as the browser says, to which the token will be bound; null: a program that is no page. */
  origin: string | null;
  /** What it wants to do. */
  scopes: PairingScope[];
}

/** All that wait. */
export interface WaitingPairings {
  /** The oldest first; eight at most. */
  pairings: WaitingPairing[];
}

/** `now`: the next frame; `settled`: as soon as a page lies at rest. */
export type When = 'now' | 'settled';

/** What narrows `watchCamera` down. */
export interface WatchCameraQuery {
  /** As `requestPreview` gave it out; without one there is no preview. */
  ticket?: string;
}

/** What narrows `listCaptures` down. */
export interface ListCapturesQuery {
  /** Which captures are listed. */
  state?: 'unfiled';
  /** `next_cursor` of the answer before, as it was given out. */
  cursor?: string;
  /** How many; 50 unless said, and never more than 200. */
  limit?: number;
}

/** What narrows `readCaptureImage` down. */
export interface ReadCaptureImageQuery {
  /** Which form of a picture. */
  rendition?: 'original' | 'page' | 'thumbnail';
}

/** What narrows `watchEvents` down. */
export interface WatchEventsQuery {
  /** Events after this id; the answer's `after` of the last poll. Its presence makes this a long poll. */
  after?: number;
  /** How long to wait for the first one, in milliseconds; 0 unless said, and never longer than 25000. Its presence makes this a long poll too. */
  wait_ms?: number;
}

/** What narrows `listMaterials` down. */
export interface ListMaterialsQuery {
  /** Only this kind. */
  kind?: string;
  /** Only those filed for this item. */
  item?: string;
  /** `local`: what this PC holds; `all`: the repository is asked too. */
  scope?: 'local' | 'all';
  /** `next_cursor` of the answer before, as it was given out. */
  cursor?: string;
  /** How many; 50 unless said, and never more than 200. */
  limit?: number;
}

/** What narrows `readDocument` down. */
export interface ReadDocumentQuery {
  /** How the pages stand in the document. */
  layout?: 'pages' | 'card';
}

/** What narrows `readPageImage` down. */
export interface ReadPageImageQuery {
  /** Which form of a picture. */
  rendition?: 'original' | 'page' | 'thumbnail';
}

/** The types of events that are known; more may come. */
export type EventType = 'card.inserted' | 'card.removed' | 'device.lost' | 'device.found' | 'page.outline' | 'page.settled' | 'material.filed' | 'material.refiled' | 'material.erased' | 'capture.expiring' | 'sync.progress' | 'sync.rejected' | 'pairing.requested' | 'pairing.decided' | 'operator.signed_in' | 'operator.signed_out' | 'operator.locked';
