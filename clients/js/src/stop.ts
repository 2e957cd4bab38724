/** Ends what is under way. Old browsers have no `AbortController`. */
export class Stop {
  stopped = false;
  private hooks: (() => void)[] = [];

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    const hooks = this.hooks;
    this.hooks = [];
    for (const hook of hooks) hook();
  }

  /** Runs the hook at the end, or at once if it has come; what is returned takes it back. */
  onStop(hook: () => void): () => void {
    if (this.stopped) {
      hook();
      return () => undefined;
    }
    this.hooks.push(hook);
    return () => {
      this.hooks = this.hooks.filter((other) => other !== hook);
    };
  }
}

/** Waits, or until stopped. */
export function pause(ms: number, stop: Stop): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      takeBack();
      resolve();
    };
    const timer = setTimeout(done, ms);
    let takeBack = (): void => undefined;
    takeBack = stop.onStop(done);
  });
}
