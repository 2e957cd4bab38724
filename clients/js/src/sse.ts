/** Cuts a stream of Server-Sent Events into the data of each event; comments keep connections alive and are left out. */
export class EventCutter {
  private rest = '';
  private data: string[] = [];

  /** The data of the events that end in this piece of the stream. */
  cut(text: string): string[] {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() || '';
    const whole: string[] = [];
    for (const line of lines) {
      if (line === '') {
        if (this.data.length > 0) whole.push(this.data.join('\n'));
        this.data = [];
      } else if (line.slice(0, 5) === 'data:') {
        this.data.push(line.slice(line.charAt(5) === ' ' ? 6 : 5));
      }
    }
    return whole;
  }
}
