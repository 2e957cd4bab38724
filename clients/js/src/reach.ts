import type { FindingCode } from './findings.js';
import type { Silence } from './transport.js';

/** Chromium asks or refuses before a page may call this PC, from this version on. */
const GATED_SINCE = 142;
/** What the permission is called; the second is the older name. */
const PERMISSIONS = ['loopback-network', 'local-network-access'];

/** The page that calls; null in programs that are no page. */
export function pageOrigin(): string | null {
  return typeof window !== 'undefined' && window.location ? window.location.origin || null : null;
}

/**
 * Why a service does not answer this page. Browsers tell a page no more than "failed": what can be known stands in
 * permissions, in what the page is, and in whether a blind request, whose answer stays hidden, comes through.
 */
export async function whyUnreached(address: string, silence: Silence): Promise<FindingCode> {
  if (pageOrigin() === null) return silence === 'timed_out' ? 'not_answering' : 'not_running';
  // Where a page on this PC calls this PC, no browser asks.
  const gated = !isLoopback(window.location.hostname);
  if (gated && isFrameDenied()) return 'frame_denied';
  const permission = gated ? await permissionState() : null;
  // While the browser asks, requests wait.
  if (silence === 'timed_out') return permission === 'prompt' ? 'permission_pending' : 'not_answering';
  const blind = await answersBlindly(address);
  if (blind === true) return 'origin_denied';
  // Chromium calls the permission denied on every http page, also where it lets the page through.
  if (gated && window.isSecureContext === false && chromiumVersion() >= GATED_SINCE) return 'page_insecure';
  if (permission === 'denied') return 'permission_denied';
  return blind === null ? 'unreachable' : 'not_running';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host);
}

function isFrameDenied(): boolean {
  const page = document as any;
  const policy = page.permissionsPolicy || page.featurePolicy;
  if (window.parent === window || !policy || !policy.features) return false;
  const known = PERMISSIONS.filter((name) => policy.features().indexOf(name) >= 0);
  return known.length > 0 && !known.some((name) => policy.allowsFeature(name));
}

/** Null where the browser knows no such permission, or the page is insecure and has none. */
async function permissionState(): Promise<string | null> {
  const permissions = (navigator as any).permissions;
  if (!permissions || !permissions.query) return null;
  for (const name of PERMISSIONS) {
    try {
      return (await permissions.query({ name })).state;
    } catch {
      // Not known by this name.
    }
  }
  return null;
}

/** Whether something answers that the page may not read; null where the browser has no such requests. */
async function answersBlindly(address: string): Promise<boolean | null> {
  if (typeof fetch !== 'function') return null;
  try {
    await fetch(`${address}/v1/health`, { mode: 'no-cors', credentials: 'omit', cache: 'no-store' });
    return true;
  } catch {
    return false;
  }
}

function chromiumVersion(): number {
  const found = /Chrom(?:e|ium)\/(\d+)/.exec(navigator.userAgent);
  return found ? Number(found[1]) : 0;
}
