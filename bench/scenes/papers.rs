//! The papers on the desk. Every name, number and place in them is invented.

use yidang_model::check_digit;

use crate::lettering::{Face, Lettering};
use crate::random::smooth_noise;
use crate::seal;
use crate::sheet::{Colour, Sheet, Style};
use crate::small_papers;

/// What lies on the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Paper {
    /// A4 upright: a filled-in application form.
    Form,
    /// A4 across: a certificate with border and red seal.
    Certificate,
    /// A4 upright: a letter written by hand on ruled paper.
    Letter,
    /// A4 upright: printed paragraphs.
    Notice,
    /// A4 across: a table whose frame stands close to the rim.
    Table,
    /// A5 upright: a proof with a seal.
    Proof,
    /// B5 upright: paragraphs.
    Report,
    /// The size of a bank card, coloured, with a portrait.
    Card,
    /// A till receipt, 80 mm wide.
    Receipt,
    /// A till receipt, 58 mm wide and long.
    Slip,
    /// Two facing pages of a household register, with the gutter between.
    Register,
    /// The dark red cover of a booklet.
    Cover,
}

impl Paper {
    pub(crate) const ALL: [Self; 12] = [
        Self::Form,
        Self::Certificate,
        Self::Letter,
        Self::Notice,
        Self::Table,
        Self::Proof,
        Self::Report,
        Self::Card,
        Self::Receipt,
        Self::Slip,
        Self::Register,
        Self::Cover,
    ];

    /// Width and height.
    pub(crate) const fn size_mm(self) -> [f32; 2] {
        match self {
            Self::Form | Self::Letter | Self::Notice => [210.0, 297.0],
            Self::Certificate | Self::Table => [297.0, 210.0],
            Self::Proof => [148.0, 210.0],
            Self::Report => [176.0, 250.0],
            Self::Card => [85.6, 54.0],
            Self::Receipt => [80.0, 170.0],
            Self::Slip => [58.0, 205.0],
            Self::Register => [210.0, 143.0],
            Self::Cover => [105.0, 143.0],
        }
    }

    /// The word in tables.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Draws the paper; `seed` varies ink wear and what is written.
    pub(crate) fn draw(self, letters: &Lettering, seed: u32) -> Sheet {
        match self {
            Self::Form => form(letters, seed),
            Self::Certificate => certificate(letters, seed),
            Self::Letter => letter(letters),
            other => small_papers::draw(other, letters, seed),
        }
    }
}

const LABEL: Style = Style::print(Face::Song, 3.9);
const HAND: Style = Style::pen(4.9);
const LINE: Colour = [40, 40, 44];
/// Left and right edge of the form's table.
const TABLE: [f32; 2] = [20.0, 190.0];

/// An invented resident number in the area 000000, which is nobody's.
fn number(birth_and_order: &str) -> String {
    let first = format!("000000{birth_and_order}");
    let check = check_digit(&first).unwrap_or('0');
    format!("{first}{check}")
}

fn form(letters: &Lettering, seed: u32) -> Sheet {
    let mut s = Sheet::new(210.0, 297.0, [243, 243, 240]);
    s.centred(letters, "云州市政务服务事项申请表", [105.0, 29.0], Style::print(Face::Hei, 7.4).spaced(0.6));
    s.text(letters, "受理窗口：望江 03", [20.0, 41.0], LABEL);
    s.text(letters, "编号：YZ-2026-000317", [139.0, 41.0], LABEL);
    identity_rows(&mut s, letters);
    household_rows(&mut s, letters);
    statement_rows(&mut s, letters);
    s.frame([TABLE[0], 45.0, TABLE[1], 268.0], 0.6, LINE);
    s.text(
        letters,
        "说明：本表一式两份，请用黑色或蓝黑色签字笔填写，涂改无效。",
        [20.0, 275.0],
        Style::print(Face::Song, 3.3),
    );
    seal::stamp(&mut s, letters, "云州市望江区政务服务中心", [160.0, 251.0], seed);
    s
}

/// One row of the table: a label cell, and its value by hand.
fn cell(
    s: &mut Sheet,
    letters: &Lettering,
    [x, y, label_end, end]: [f32; 4],
    height: f32,
    label: &str,
    value: &str,
) {
    s.fill([x, y, label_end, y + height], [232, 234, 234]);
    s.frame([x, y, end, y + height], 0.3, LINE);
    s.fill([label_end - 0.15, y, label_end + 0.15, y + height], LINE);
    s.centred(letters, label, [(x + label_end) / 2.0, y + height / 2.0 + 1.4], LABEL);
    s.text(letters, value, [label_end + 3.0, y + height / 2.0 + 1.8], HAND);
}

fn identity_rows(s: &mut Sheet, letters: &Lettering) {
    let [l, r] = TABLE;
    cell(s, letters, [l, 45.0, 50.0, 112.0], 11.0, "申请人姓名", "林晓禾");
    cell(s, letters, [112.0, 45.0, 132.0, 152.0], 11.0, "性别", "女");
    cell(s, letters, [152.0, 45.0, 170.0, r], 11.0, "民族", "汉");
    cell(s, letters, [l, 56.0, 50.0, r], 11.0, "公民身份号码", "");
    let digits = number("19900307002");
    for (i, digit) in digits.chars().enumerate() {
        let x = 54.0 + i as f32 * 7.3;
        s.frame([x, 58.0, x + 6.3, 65.0], 0.2, LINE);
        s.text(letters, &digit.to_string(), [x + 1.7, 63.4], HAND);
    }
    cell(s, letters, [l, 67.0, 50.0, 112.0], 11.0, "联系电话", "000-0000-0317");
    cell(s, letters, [112.0, 67.0, 140.0, r], 11.0, "户口性质", "居民家庭户");
    cell(s, letters, [l, 78.0, 50.0, r], 11.0, "现住址", "云州市望江区青禾路18号3栋502室");
    cell(s, letters, [l, 89.0, 50.0, r], 11.0, "申请事项", "灵活就业人员社会保险补贴");
    cell(s, letters, [l, 100.0, 50.0, r], 11.0, "办理方式", "");
    for (i, (word, ticked)) in
        [("本人办理", true), ("委托代办", false), ("网上预约", false)].into_iter().enumerate()
    {
        let x = 54.0 + i as f32 * 38.0;
        s.frame([x, 103.6, x + 3.8, 107.4], 0.3, LINE);
        s.text(letters, word, [x + 6.0, 107.0], LABEL);
        if ticked {
            s.text(letters, "√", [x - 0.2, 107.4], Style::pen(5.4));
        }
    }
}

fn household_rows(s: &mut Sheet, letters: &Lettering) {
    let [l, r] = TABLE;
    s.fill([l, 111.0, r, 119.0], [226, 229, 230]);
    s.centred(letters, "共同生活的家庭成员", [105.0, 116.4], Style::print(Face::Hei, 4.2).spaced(1.0));
    let columns = [l, 50.0, 76.0, 146.0, r];
    let header = ["姓 名", "关 系", "公民身份号码", "备 注"];
    let members = [
        ["陈远舟", "配偶", "19880512001", "在职"],
        ["陈小满", "女儿", "20180220002", "在读"],
        ["林守田", "父亲", "19560901003", "退休"],
    ];
    for row in 0..5 {
        let y = 119.0 + row as f32 * 9.5;
        for (i, pair) in columns.windows(2).enumerate() {
            s.frame([pair[0], y, pair[1], y + 9.5], 0.3, LINE);
            let middle = (pair[0] + pair[1]) / 2.0;
            if row == 0 {
                s.centred(letters, header[i], [middle, y + 6.2], LABEL);
            } else if let Some(member) = members.get(row - 1) {
                let text = if i == 2 { number(member[2]) } else { member[i].to_owned() };
                s.centred(letters, &text, [middle, y + 6.6], Style { size_mm: 4.4, ..HAND });
            }
        }
    }
}

fn statement_rows(s: &mut Sheet, letters: &Lettering) {
    let [l, r] = TABLE;
    cell(s, letters, [l, 166.5, 50.0, r], 40.0, "申请理由", "");
    let reason = [
        "  本人自二〇二五年八月起以个体经营方式灵活",
        "就业，按月缴纳基本养老保险和基本医疗保险，",
        "家庭成员共四人，收入不固定，特申请按规定给予",
        "社会保险补贴，请予审核。",
    ];
    for (i, line) in reason.into_iter().enumerate() {
        s.text(letters, line, [54.0, 176.0 + i as f32 * 8.2], Style { size_mm: 4.7, ..HAND });
    }
    cell(s, letters, [l, 206.5, 50.0, r], 26.0, "申请人承诺", "");
    s.text(letters, "以上所填内容真实、准确，如有不实愿承担相应责任。", [54.0, 215.0], LABEL);
    let end = s.text(letters, "申请人（签名）：", [54.0, 227.0], LABEL);
    s.text(letters, "林晓禾", [end + 2.0, 227.6], Style::pen(7.0));
    s.text(letters, "2026年11月16日", [147.0, 227.0], Style { size_mm: 4.4, ..HAND });
    cell(s, letters, [l, 232.5, 50.0, 120.0], 35.5, "受理意见", "");
    s.text(letters, "材料齐全，予以受理。", [54.0, 246.0], Style { size_mm: 4.9, ..HAND });
    s.text(letters, "经办人：", [54.0, 262.0], LABEL);
    s.text(letters, "何知秋", [70.0, 262.4], Style::pen(6.2));
    s.text(letters, "（受理单位盖章）", [128.0, 239.0], LABEL);
    s.text(letters, "2026 年 11 月 16 日", [143.0, 264.0], LABEL);
}

const GOLD: Colour = [176, 140, 72];

fn certificate(letters: &Lettering, seed: u32) -> Sheet {
    let (w, h) = (297.0, 210.0);
    let mut s = Sheet::new(w, h, [247, 241, 224]);
    guilloche(&mut s);
    s.frame([10.0, 10.0, w - 10.0, h - 10.0], 2.2, [150, 44, 40]);
    s.frame([13.2, 13.2, w - 13.2, h - 13.2], 0.5, GOLD);
    border_pattern(&mut s);
    s.frame([22.0, 22.0, w - 22.0, h - 22.0], 0.5, GOLD);
    let red = Style::print(Face::Song, 17.0).in_ink([156, 32, 30]).spaced(9.0);
    s.centred(letters, "荣誉证书", [w / 2.0, 58.0], red);
    s.centred(
        letters,
        "HONORARY CERTIFICATE",
        [w / 2.0, 69.0],
        Style::print(Face::Song, 4.6).in_ink(GOLD).spaced(1.2),
    );
    let end =
        s.text(letters, "苏明澈", [48.0, 91.0], Style { size_mm: 9.0, ink: [30, 30, 36], ..Style::pen(9.0) });
    s.text(letters, "同志：", [end + 3.0, 91.0], Style::print(Face::Song, 7.0));
    s.fill([46.0, 93.4, end + 1.0, 93.8], [60, 60, 60]);
    let body = Style::print(Face::Song, 6.8).spaced(0.3);
    let lines = [
        "在二〇二六年度云州市“一窗通办”服务竞赛中，热情为民、",
        "业务精湛，被评为“服务之星”。特发此证，以资鼓励。",
    ];
    s.text(letters, lines[0], [63.0, 109.0], body);
    s.text(letters, lines[1], [48.0, 122.0], body);
    s.text(letters, "证书编号：YZFW-2026-0086", [48.0, 176.0], Style::print(Face::Song, 4.6));
    let right = Style::print(Face::Song, 6.4).spaced(0.4);
    s.centred(letters, "云州市政务服务协会", [216.0, 157.0], right);
    s.centred(letters, "二〇二六年十月二十日", [216.0, 169.0], right);
    seal::stamp(&mut s, letters, "云州市政务服务协会", [216.0, 156.0], seed);
    s
}

/// Fine waves in a pale tint under the text, as on security paper.
fn guilloche(s: &mut Sheet) {
    let (w, h) = (s.width_mm, s.height_mm);
    s.paint([22.0, 22.0, w - 22.0, h - 22.0], [214, 178, 120], |x, y| {
        let swell = 6.0 * (x * 0.045).sin() + 3.0 * (x * 0.11 + 1.0).sin();
        let one = ((y + swell) * 2.1).sin();
        let two = ((y - swell) * 2.1).sin();
        let line = |v: f32| (1.0 - v.abs() * 3.4).max(0.0);
        (line(one) + line(two)) * 0.30
    });
}

/// A row of small rosettes between the frames.
fn border_pattern(s: &mut Sheet) {
    let (w, h) = (s.width_mm, s.height_mm);
    let rosette = |dx: f32, dy: f32| {
        let (r, a) = (dx.hypot(dy), dy.atan2(dx));
        (r - 2.5 - 0.8 * (a * 6.0).cos()).abs() - 0.28
    };
    let centre = 17.6;
    let steps = |length: f32| ((length - 2.0 * centre) / 7.0).round();
    for (length, across) in [(w, true), (h, false)] {
        let n = steps(length);
        for i in 0..=n as usize {
            let along = centre + (length - 2.0 * centre) * i as f32 / n;
            for side in [centre, if across { h } else { w } - centre] {
                let (x, y) = if across { (along, side) } else { (side, along) };
                s.shape([x - 4.0, y - 4.0, x + 4.0, y + 4.0], [186, 96, 70], |px, py| {
                    rosette(px - x, py - y)
                });
                s.shape([x - 1.0, y - 1.0, x + 1.0, y + 1.0], GOLD, |px, py| (px - x).hypot(py - y) - 0.8);
            }
        }
    }
}

fn letter(letters: &Lettering) -> Sheet {
    let mut s = Sheet::new(210.0, 297.0, [246, 243, 233]);
    let red: Colour = [196, 74, 66];
    s.centred(
        letters,
        "云州市望江区青禾社区居民委员会",
        [105.0, 28.0],
        Style::print(Face::Song, 7.6).in_ink(red).spaced(0.8),
    );
    s.fill([24.0, 33.0, 186.0, 33.9], red);
    s.fill([24.0, 34.7, 186.0, 35.0], red);
    for i in 0..20 {
        let y = 52.0 + i as f32 * 11.2;
        s.fill([24.0, y, 186.0, y + 0.22], [214, 122, 112]);
    }
    s.text(letters, "地址：云州市望江区青禾路2号", [24.0, 277.0], Style::print(Face::Song, 3.4).in_ink(red));
    s.text(letters, "第 1 页", [172.0, 277.0], Style::print(Face::Song, 3.4).in_ink(red));
    let pen = Style::pen(6.6);
    s.centred(letters, "情 况 说 明", [105.0, 49.6], Style::pen(8.0));
    let lines = [
        "望江区政务服务中心：",
        "  兹有本社区居民陈远舟，自二〇一九年三月起租",
        "住青禾路18号3栋502室，与妻子林晓禾、女儿陈",
        "小满共同居住至今。因房屋系单位统一安排，未能",
        "单独签订租赁合同，现由本社区说明居住事实。",
        "  该户邻里和睦，按时缴纳水电费用，居住期间无",
        "违规情形。其女儿拟于明年九月就近入学，特此说",
        "明，请予办理。",
        "  以上情况属实，如需核实请与本社区联系。",
    ];
    for (i, line) in lines.into_iter().enumerate() {
        s.text(letters, line, [26.0, 72.0 + i as f32 * 11.2], pen);
    }
    s.text(letters, "联系人：何知秋", [116.0, 194.0], pen);
    s.text(letters, "电话：000-0000-0086", [116.0, 205.2], pen);
    s.text(letters, "二〇二六年十一月九日", [116.0, 227.6], pen);
    speckle(&mut s);
    s
}

/// The faint fibres of cheap writing paper.
fn speckle(s: &mut Sheet) {
    let area = [0.0, 0.0, s.width_mm, s.height_mm];
    s.paint(area, [210, 200, 178], |x, y| (smooth_noise(x * 1.6, y * 0.9, 77) - 0.55).max(0.0) * 0.4);
}
