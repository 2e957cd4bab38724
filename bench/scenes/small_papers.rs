//! The smaller and plainer papers. Every name, number and place in them is invented.

use crate::lettering::{Face, Lettering};
use crate::papers::Paper;
use crate::random::Random;
use crate::seal;
use crate::sheet::{Colour, Sheet, Style};

const INK: Colour = [38, 38, 42];
/// What paragraphs are made of.
const WORDS: &str =
    "望江区政务服务中心兹证明居民申请事项材料齐全予以受理请携带本人有效证件到窗口办理以上情况属实特此说明";

/// Draws one of the papers that are not drawn elsewhere.
pub(crate) fn draw(paper: Paper, letters: &Lettering, seed: u32) -> Sheet {
    let [w, h] = paper.size_mm();
    let mut random = Random::new(u64::from(seed) ^ 0x7061_7065);
    let tone = random.between(236.0, 250.0) as u8;
    let mut sheet = Sheet::new(w, h, [tone, tone, tone - random.below(12) as u8]);
    match paper {
        Paper::Table => table(&mut sheet, letters, &mut random),
        Paper::Card => card(&mut sheet, letters, seed),
        Paper::Receipt | Paper::Slip => receipt(&mut sheet, letters, &mut random),
        Paper::Register => register(&mut sheet, letters),
        Paper::Cover => cover(&mut sheet, letters),
        Paper::Proof => {
            paragraphs(&mut sheet, letters, &mut random, [16.0, 62.0, w - 16.0, h - 60.0], 4.6);
            sheet.centred(letters, "证 明", [w / 2.0, 40.0], Style::print(Face::Hei, 9.0));
            seal::stamp(&mut sheet, letters, "云州市望江区青禾社区", [w - 45.0, h - 48.0], seed);
        }
        _ => {
            let margin = random.between(12.0, 24.0);
            paragraphs(&mut sheet, letters, &mut random, [margin, 45.0, w - margin, h - 25.0], 3.9);
            sheet.centred(letters, "办事指南", [w / 2.0, 30.0], Style::print(Face::Hei, 7.0));
        }
    }
    sheet
}

/// Lines of text that fill a box `[x0, y0, x1, y1]`, with a shorter one now and then.
fn paragraphs(s: &mut Sheet, letters: &Lettering, random: &mut Random, area: [f32; 4], size_mm: f32) {
    let words: Vec<char> = WORDS.chars().collect();
    let mut y = area[1];
    while y < area[3] {
        let full = ((area[2] - area[0]) / size_mm) as usize;
        let count = if random.below(4) == 0 { 1 + random.below(full) } else { full };
        let start = random.below(words.len());
        let line: String = words.iter().cycle().skip(start).take(count).collect();
        s.text(letters, &line, [area[0], y], Style::print(Face::Song, size_mm));
        y += size_mm * 1.9;
    }
}

fn table(s: &mut Sheet, letters: &Lettering, random: &mut Random) {
    let (w, h) = (s.width_mm, s.height_mm);
    let margin = random.between(6.0, 14.0);
    let rows = 9 + random.below(5);
    let step = (h - 2.0 * margin) / rows as f32;
    s.fill([margin, margin, w - margin, margin + step], [205, 214, 226]);
    for row in 0..rows {
        let y = margin + row as f32 * step;
        s.fill([margin, y, w - margin, y + 0.4], INK);
        for column in 0..6 {
            let x = margin + column as f32 * (w - 2.0 * margin) / 6.0;
            s.fill([x, y, x + 0.4, y + step], INK);
            if random.below(3) > 0 {
                s.text(letters, "事项材料", [x + 5.0, y + step * 0.7], Style::print(Face::Song, 4.2));
            }
        }
    }
    s.frame([margin, margin, w - margin, h - margin], 0.9, INK);
}

fn card(s: &mut Sheet, letters: &Lettering, seed: u32) {
    let (w, h) = (s.width_mm, s.height_mm);
    let grounds: [Colour; 3] = [[196, 216, 226], [92, 128, 186], [226, 214, 190]];
    s.fill([0.0, 0.0, w, h], grounds[seed as usize % 3]);
    s.paint([0.0, 0.0, w, h], [255; 3], |x, y| 0.12 * (1.0 + (x * 0.9 + (y * 0.4).sin() * 3.0).sin()));
    s.shape([60.0, 8.0, 80.0, 38.0], [120, 104, 98], |x, y| {
        ((x - 70.0).hypot(y - 18.0) - 6.5).min((x - 70.0).hypot(y - 36.0) - 10.0).max(y - 37.0)
    });
    let text = Style::print(Face::Hei, 3.6);
    for (i, line) in
        ["姓名 林晓禾", "性别 女 民族 汉", "住址 云州市望江区", "青禾路18号"].into_iter().enumerate()
    {
        s.text(letters, line, [7.0, 12.0 + i as f32 * 7.5], text);
    }
    s.text(letters, "编号 000000 0317", [10.0, 48.0], Style::print(Face::Hei, 4.0));
}

fn receipt(s: &mut Sheet, letters: &Lettering, random: &mut Random) {
    let (w, h) = (s.width_mm, s.height_mm);
    s.centred(letters, "青禾便民超市", [w / 2.0, 14.0], Style::print(Face::Hei, 5.4));
    let mut y = 26.0;
    let text = Style::print(Face::Song, 3.1).in_ink([72, 70, 80]);
    while y < h - 24.0 {
        s.text(letters, "商品一二", [4.0, y], text);
        s.text(letters, &format!("{}.{:02}", 3 + random.below(90), random.below(100)), [w - 18.0, y], text);
        y += 5.2;
    }
    for bar in 0..30 {
        let x = w * 0.2 + bar as f32 * w * 0.02;
        s.fill([x, h - 18.0, x + 0.3 + random.unit() * 0.6, h - 7.0], INK);
    }
}

fn register(s: &mut Sheet, letters: &Lettering) {
    let (w, h) = (s.width_mm, s.height_mm);
    s.fill([0.0, 0.0, w, h], [238, 232, 214]);
    for left in [6.0, w / 2.0 + 5.0] {
        let right = left + w / 2.0 - 11.0;
        for row in 0..11 {
            let y = 18.0 + row as f32 * 10.6;
            s.fill([left, y, right, y + 0.3], [92, 120, 104]);
            s.text(letters, "户主姓名", [left + 2.0, y + 7.0], Style::print(Face::Song, 3.4));
            s.text(letters, "陈远舟", [left + 40.0, y + 7.0], Style::pen(4.6));
        }
        s.frame([left, 18.0, right, h - 8.0], 0.5, [92, 120, 104]);
        s.centred(letters, "常住人口登记卡", [(left + right) / 2.0, 12.0], Style::print(Face::Hei, 5.0));
    }
    // The pages bend down into the gutter.
    s.paint([0.0, 0.0, w, h], [70, 60, 50], |x, _| 0.65 * (-((x - w / 2.0) / 4.0).powi(2)).exp());
}

fn cover(s: &mut Sheet, letters: &Lettering) {
    let (w, h) = (s.width_mm, s.height_mm);
    s.fill([0.0, 0.0, w, h], [112, 34, 38]);
    let gold = Style::print(Face::Song, 11.0).in_ink([214, 176, 104]);
    s.centred(letters, "居民户口簿", [w / 2.0, 62.0], gold);
    s.shape([w / 2.0 - 14.0, 16.0, w / 2.0 + 14.0, 44.0], [206, 170, 100], |x, y| {
        ((x - w / 2.0).hypot(y - 30.0) - 11.0).abs() - 1.2
    });
    s.centred(letters, "云州市公安局制", [w / 2.0, h - 18.0], Style { size_mm: 5.0, ..gold });
}
