// Every word of the page itself, in Chinese and in English. What the document says of calls is English; of codes, both.

const TABLE = {
  title: ['一档本机接口', 'Yidang local API'],
  skip: ['跳到正文', 'Skip to the reference'],
  search: ['查找', 'Find'],
  found: ['找到 {n} 项', '{n} found'],
  contents: ['目录', 'Contents'],
  other_language: ['English', '中文'],
  other_language_label: ['切换为英文', 'Switch to Chinese'],
  unreachable: ['读不到 /v1/openapi.json，请刷新页面。', 'Cannot read /v1/openapi.json; load the page again.'],
  about: ['概述', 'About'],
  schemas: ['数据结构', 'Schemas'],
  codes: ['问题代码', 'Problem codes'],
  codes_about: ['出错时的回答带有一个代码。请按代码判断，把标题和处理办法给经办人看；语言由 Accept-Language 决定。', 'Whatever goes wrong comes with a code. Decide by the code; show title and remedy to the clerk, in the language that Accept-Language asks for.'],
  scope: ['权限', 'Scope'],
  scope_none: ['不需要令牌', 'no token needed'],
  scope_any: ['任何令牌', 'any token'],
  or: ['或', 'or'],
  parameters: ['参数', 'Parameters'],
  body: ['请求内容', 'Body'],
  body_optional: ['可以不带', 'may be left out'],
  answers: ['回答', 'Answers'],
  no_content: ['没有内容', 'no content'],
  example: ['示例', 'Example'],
  name: ['名称', 'Name'],
  place: ['位置', 'In'],
  type: ['类型', 'Type'],
  meaning: ['说明', 'Meaning'],
  required: ['必填', 'required'],
  answered_by: ['可能由这些接口返回', 'May be answered by'],
  answered_by_any: ['地址或方法不存在时，由任何地址返回', 'Any address that is not there, or does not take the method'],
  link_to: ['{name} 的链接', 'Link to {name}'],
};

const KEPT = 'yidang-docs-language';
let index = beginning();

function beginning() {
  const kept = localStorage.getItem(KEPT);
  const language = kept ?? navigator.language;
  return language.toLowerCase().startsWith('zh') ? 0 : 1;
}

/** The text of a word, with what stands in its braces. */
export function word(name, given = {}) {
  return TABLE[name][index].replace(/\{(\w+)\}/g, (_, key) => given[key]);
}

/** Writes the words into the page's own elements. */
export function speak() {
  document.documentElement.lang = index === 0 ? 'zh-CN' : 'en';
  document.title = word('title');
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll('[data-word-label]')) element.setAttribute('aria-label', word(element.dataset.wordLabel));
}

/** The other language from now on, on this PC. */
export function change() {
  index = 1 - index;
  localStorage.setItem(KEPT, index === 0 ? 'zh' : 'en');
}
