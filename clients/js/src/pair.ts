import type { CallOptions, Calls } from './calls.js';
import { YidangError } from './failure.js';
import type { CollectedPairing, PairingScope, RequestedPairing } from './schema.js';
import { PAIRING_REFUSED } from './words.js';

/** Who asks for what. */
export interface PairingWish {
  /** What the program is called; an administrator reads it. */
  name: string;
  /** What it wants to do. */
  scopes: PairingScope[];
  /** How often to ask whether it is decided; every 2 s unless said. */
  everyMs?: number;
}

const EVERY_MS = 2000;

/** Asks for a token, tells the code, and waits until somebody has decided. */
export async function pair(calls: Calls, wish: PairingWish, told: (code: string, expiresAt: string) => void,
  options: CallOptions): Promise<string> {
  const body = { name: wish.name, scopes: wish.scopes };
  const { pairing, code, expires_at } = await calls.json<RequestedPairing>('requestPairing', { body }, options);
  told(code, expires_at);
  for (;;) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, wish.everyMs || EVERY_MS);
    });
    const { state, token } = await calls.json<CollectedPairing>('collectPairing', { body: { pairing } }, options);
    if (state === 'paired' && token) {
      calls.settings.token = token;
      return token;
    }
    if (state === 'refused') {
      const { title, remedy } = PAIRING_REFUSED;
      throw new YidangError({
        code: 'pairing_refused', title: title[calls.language], remedy: remedy[calls.language], status: 200,
      });
    }
  }
}
