import { Yidang } from './yidang.js';

// The one global of the build for old browsers.
(window as any).Yidang = Yidang;
