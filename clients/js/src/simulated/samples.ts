import type { CameraControl, CardReading } from '../schema.js';

/** What a simulated card says, before a dossier is opened for it. */
export type Card = Omit<CardReading, 'holder' | 'rights' | 'expires_at'>;

const BLANK: Card = {
  document_type: 'resident', name: null, name_en: null, sex: null, sex_code: null, ethnicity: null, ethnicity_code: null,
  nationality: null, birth_date: null, address: null, new_address: null, id_number: null, issuer: null, valid_from: null,
  valid_until: null, long_term: false, pass_number: null, fingerprint: null, photo_wlt: null, photo: null,
  photo_status: 'none', chip_serial: null, sam_id: null, warnings: [], origin: 'simulated',
};

/** Invented people; area code 000000 is given to nobody. By the names they have in the service's own simulation. */
export const CARDS: { [name: string]: Card } = {
  '01-resident': {
    ...BLANK, name: '张一档', sex: '男', sex_code: '1', ethnicity: '汉', ethnicity_code: '01', birth_date: '1990-02-28',
    address: '某省某市某区样本路1号', id_number: '00000019900228001X', issuer: '某市公安局某区分局',
    valid_from: '2020-03-01', valid_until: '2040-03-01', chip_serial: '0000000000000001',
  },
  '05-other-resident': {
    ...BLANK, name: '李二档', sex: '女', sex_code: '2', ethnicity: '汉', ethnicity_code: '01', birth_date: '1985-07-15',
    address: '某省某市某区样本路2号', id_number: '000000198507150024', issuer: '某市公安局某区分局',
    valid_from: '2019-01-01', valid_until: '2039-01-01', chip_serial: '0000000000000005',
  },
};

/** The frames that can lie on the desk; all look the same. */
export const FRAMES = ['01-form', '02-certificate', '03-letter'];

export const READER = 'simulated-reader';
export const CAMERA = 'simulated-camera';

export const ZOOM: CameraControl = { name: 'zoom', min: 100, max: 400, step: 10, default: 100, value: 100, active: true };

/** How the devices can fail; each for one call or as many as are asked for. */
export const FAULTS = {
  card: ['no_card', 'read_failed', 'unplug'],
  camera: ['stall', 'unplug', 'truncated'],
};

/** One empty A4 page. */
export const DOCUMENT = '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n'
  + '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n';
