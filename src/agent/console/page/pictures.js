// Pictures that come by a call: an `<img>` cannot send the token, so the bytes are shown from memory.
import { picture } from './calls.js';
import { make } from './elements.js';

/** An image of the page that is filled when its bytes are there; what cannot be had stays an empty frame. */
export function imageOf(path, rendition, alt) {
  const image = make('img', { alt });
  picture(path, rendition).then((bytes) => show(image, bytes), () => image.classList.add('bad'));
  return image;
}

/** Shows bytes; the browser lets go of them once they are drawn. */
export function show(image, bytes) {
  const url = URL.createObjectURL(bytes);
  const release = () => URL.revokeObjectURL(url);
  image.addEventListener('load', release, { once: true });
  image.addEventListener('error', release, { once: true });
  image.src = url;
}

/** Base64 as the service sends it, as bytes of a picture. */
export function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const type = bytes[0] === 0x89 ? 'image/png' : 'image/jpeg';
  return new Blob([bytes], { type });
}
