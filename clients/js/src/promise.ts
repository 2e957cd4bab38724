// For browsers that have none; the build for old browsers puts it in the place of `Promise`. As much of it as this client
// uses: `new`, `then`, `catch`, `resolve`, `reject`.

type Settle = (value?: any) => void;

class SmallPromise {
  private state: 'pending' | 'kept' | 'broken' = 'pending';
  private value: any;
  private waiting: (() => void)[] = [];

  constructor(work: (resolve: Settle, reject: Settle) => void) {
    let called = false;
    const once = (settle: Settle): Settle => (value) => {
      if (called) return;
      called = true;
      settle(value);
    };
    const reject = once((reason) => this.settle('broken', reason));
    try {
      work(once((value) => this.adopt(value)), reject);
    } catch (thrown) {
      reject(thrown);
    }
  }

  static resolve(value?: any): SmallPromise {
    return value instanceof SmallPromise ? value : new SmallPromise((resolve) => resolve(value));
  }

  static reject(reason?: any): SmallPromise {
    return new SmallPromise((_, reject) => reject(reason));
  }

  then(kept?: ((value: any) => any) | null, broken?: ((reason: any) => any) | null): SmallPromise {
    return new SmallPromise((resolve, reject) => {
      const run = (): void => {
        const use = this.state === 'kept' ? kept : broken;
        if (typeof use !== 'function') {
          (this.state === 'kept' ? resolve : reject)(this.value);
          return;
        }
        try {
          resolve(use(this.value));
        } catch (thrown) {
          reject(thrown);
        }
      };
      if (this.state === 'pending') this.waiting.push(run);
      else setTimeout(run, 0);
    });
  }

  catch(broken: (reason: any) => any): SmallPromise {
    return this.then(null, broken);
  }

  /** Keeps a value, or becomes what another promise becomes. */
  private adopt(value: any): void {
    let then: unknown;
    try {
      then = value && (typeof value === 'object' || typeof value === 'function') && value.then;
    } catch (thrown) {
      this.settle('broken', thrown);
      return;
    }
    if (typeof then === 'function') {
      new SmallPromise((resolve, reject) => (then as any).call(value, resolve, reject))
        .then((kept) => this.settle('kept', kept), (reason) => this.settle('broken', reason));
    } else {
      this.settle('kept', value);
    }
  }

  private settle(state: 'kept' | 'broken', value: any): void {
    this.state = state;
    this.value = value;
    const waiting = this.waiting;
    this.waiting = [];
    for (const run of waiting) setTimeout(run, 0);
  }
}

const usual = (window as any).Promise;
const chosen: any = usual && usual.resolve ? usual : SmallPromise;
export { chosen as Promise };
