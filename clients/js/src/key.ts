const DIGITS = '0123456789abcdef';

/** A new `Idempotency-Key`. It need not be secret, only new: where a browser has no good random numbers, others do. */
export function newKey(): string {
  const scope = typeof window === 'undefined' ? globalThis : (window as any);
  const source = scope.crypto || scope.msCrypto;
  let key = '';
  if (source && source.getRandomValues) {
    const bytes = source.getRandomValues(new Uint8Array(16));
    for (let i = 0; i < bytes.length; i += 1) key += DIGITS[bytes[i] >> 4] + DIGITS[bytes[i] & 15];
  } else {
    key = `${Date.now().toString(16)}-`;
    while (key.length < 32) key += DIGITS[Math.floor(Math.random() * 16)];
  }
  return key;
}
