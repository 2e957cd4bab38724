/** A sentence in both languages. */
export interface Words {
  zh: string;
  en: string;
}

/** The languages that the service and this client speak. */
export type Language = 'zh' | 'en';

/** What is wrong, and what to do about it. */
export interface Advice {
  title: Words;
  remedy: Words;
}

/** What this client says by itself, where the service did not answer. */
export const FAILURES: { [code: string]: Advice } = {
  unreachable: {
    title: { zh: '连不上本机一档服务。', en: 'The Yidang service of this PC cannot be reached.' },
    remedy: {
      zh: '请确认一档服务已安装并在运行；调用 diagnose() 可查明原因。',
      en: 'See that it is installed and running; `diagnose()` finds out why.',
    },
  },
  timed_out: {
    title: { zh: '本机一档服务没有在规定时间内回答。', en: 'The Yidang service did not answer in time.' },
    remedy: { zh: '请稍后再试。', en: 'Try again in a moment.' },
  },
  cancelled: {
    title: { zh: '调用已取消。', en: 'The call was cancelled.' },
    remedy: { zh: '需要时请重新调用。', en: 'Call again where it is still wanted.' },
  },
  answer_unreadable: {
    title: { zh: '收到的回答不是一档服务给出的。', en: 'The answer is not one of the Yidang service.' },
    remedy: {
      zh: '请检查地址和端口：可能有其他程序占用了它。',
      en: 'Check address and port: another program may have taken it.',
    },
  },
};

/** An administrator said no to a request for a token. */
export const PAIRING_REFUSED: Advice = {
  title: { zh: '管理员拒绝了配对申请。', en: 'An administrator refused the pairing.' },
  remedy: { zh: '请与本机管理员联系后重新申请。', en: 'Speak with the administrator of this PC, then ask again.' },
};
