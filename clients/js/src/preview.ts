import type { CallOptions } from './calls.js';
import type { YidangError } from './failure.js';
import type { Listeners, Watch } from './events.js';
import type { PreviewTicket, RequestPreview } from './schema.js';
import { pause, Stop } from './stop.js';

/** How a preview stands. `lost`: it is tried again by itself; the picture is empty meanwhile. */
export type PreviewState = 'connecting' | 'showing' | 'lost' | 'refused' | 'closed';

/** Which preview, and who hears how it stands. */
export interface PreviewWish extends RequestPreview {
  onState?: (state: PreviewState, error: YidangError | null) => void;
}

/** A preview, until closed. */
export interface Preview {
  readonly state: PreviewState;
  close(): void;
}

/** What a preview needs of the client. */
export interface PreviewSource {
  address: string;
  requestPreview(wish: RequestPreview, options?: CallOptions): Promise<PreviewTicket>;
  watchEvents(listeners: Listeners): Watch;
}

const AGAIN_MIN_MS = 500;
const AGAIN_MAX_MS = 8000;
/** The service answers with the first frame, or says why not, within 8 s. */
const FIRST_FRAME_MS = 12000;
/** What no waiting mends. */
const FINAL = ['token_missing', 'token_invalid', 'token_expired', 'scope_missing', 'origin_denied', 'invalid'];

/**
 * Shows a camera in an `<img>`, by one ticket after the other. Browsers do not tell a page that such a picture has ended,
 * they keep its last frame: perhaps a page of the citizen before. The events tell: when the camera or the connection is
 * lost the picture is emptied, and begun anew when they are back.
 */
export class ImagePreview implements Preview {
  state: PreviewState = 'connecting';
  private readonly stop = new Stop();
  private readonly watch: Watch;
  /** Ends the picture that is shown. */
  private round = new Stop();
  private camera: string | null = null;

  constructor(private readonly image: HTMLImageElement, private readonly wish: PreviewWish,
    private readonly source: PreviewSource) {
    // Without it the browser does not say which page asks, and the service refuses.
    image.crossOrigin = 'anonymous';
    const aboutIt = (id: string): boolean => this.camera === null || id === this.camera;
    this.watch = source.watchEvents({
      'device.lost': (event) => {
        if (event.data.type === 'camera' && aboutIt(event.data.device)) this.round.stop();
      },
      connection: (state) => {
        if (state === 'lost' || state === 'refused') this.round.stop();
      },
    });
    void this.run();
  }

  close(): void {
    if (this.stop.stopped) return;
    this.stop.stop();
    this.round.stop();
    this.watch.close();
    this.image.onload = null;
    this.image.onerror = null;
    this.image.removeAttribute('src');
    this.tell('closed', null);
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.stop.stopped) {
      this.round = new Stop();
      let error: YidangError | null = null;
      try {
        await this.show(this.round, () => {
          failures = 0;
        });
      } catch (thrown) {
        error = thrown as YidangError;
      }
      // A closed preview has given its element back.
      if (this.stop.stopped) return;
      this.image.removeAttribute('src');
      if (error && FINAL.indexOf(error.code) >= 0) {
        this.watch.close();
        this.tell('refused', error);
        return;
      }
      this.tell('lost', error);
      await pause(Math.min(AGAIN_MAX_MS, AGAIN_MIN_MS * Math.pow(2, failures)), this.stop);
      failures += 1;
    }
  }

  /** One ticket, from asking for it to the picture's end. */
  private async show(round: Stop, showing: () => void): Promise<void> {
    const { onState: _, ...wish } = this.wish;
    const ticket = await this.source.requestPreview(wish);
    if (round.stopped) return;
    this.camera = ticket.camera;
    const image = this.image;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FIRST_FRAME_MS);
      round.onStop(resolve);
      image.onerror = () => resolve();
      image.onload = () => {
        clearTimeout(timer);
        showing();
        this.tell('showing', null);
      };
      image.src = /^data:/.test(ticket.url) ? ticket.url : this.source.address + ticket.url;
    });
    if (this.stop.stopped) return;
    image.onload = null;
    image.onerror = null;
  }

  private tell(state: PreviewState, error: YidangError | null): void {
    if (state === this.state) return;
    this.state = state;
    if (this.wish.onState) this.wish.onState(state, error);
  }
}
