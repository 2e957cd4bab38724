//! The steps. Each drives the windows as a window program would, and fails on the first answer that is not as it
//! should be.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yidang_agent::Language;

use super::Failure;
use super::folder::DemoFolder;
use super::office::Office;
use super::report::{Report, took};
use super::window::{Window, text};

/// What happens between windows happens within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// The papers that are filed, by the names of the photographs that show them.
const FRAMES: [&str; 2] = ["01-form", "03-letter"];
const CASES: [&str; 2] = ["DEMO-1", "DEMO-2"];

/// A step's work: what it says when all was as it should be.
type Step<'a> = fn(&mut Play<'a>) -> Result<String, Failure>;

/// In order: what it is called in Chinese and in English, and its work.
fn steps<'a>() -> [(&'static str, &'static str, Step<'a>); 8] {
    [
        ("窗口甲读身份证", "window A reads the ID card", Play::read_card),
        (
            "在桌面照片里找到纸张并拉正",
            "a page is found in a photograph of a desk, and straightened",
            Play::capture,
        ),
        ("归档：返回时已落盘", "it is filed: durable when the call returns", Play::file),
        ("同样的字节再交一次，被认出", "the same bytes once more are recognised", Play::recognise),
        (
            "中心库停机照常归档，恢复后送达一次",
            "filing goes on without the repository, which gets the paper once",
            Play::outage,
        ),
        ("窗口乙放同一张证，两份材料都在", "at window B the same card shows both papers", Play::see),
        ("没有依据，档案不打开", "without a basis the dossier stays shut", Play::stay_shut),
        ("删除一份材料，两个窗口都没有了", "an erased paper is gone at both windows", Play::erase),
    ]
}

/// Plays all of it.
pub(super) fn all(
    office: &mut Office,
    folder: &DemoFolder,
    language: Language,
    report: &mut Report,
) -> Result<(), Failure> {
    let nothing_yet = (Value::Null, String::new(), Value::Null, Vec::new());
    let (card, holder, capture, papers) = nothing_yet;
    let mut play = Play { office, folder, language, card, holder, capture, papers };
    for (chinese, english, work) in steps() {
        report.step(language.pick(chinese, english), || work(&mut play))?;
    }
    Ok(())
}

/// A paper on file, and its pictures as the window has them that filed it.
struct Paper {
    id: String,
    original: Vec<u8>,
    page: Vec<u8>,
}

impl Paper {
    fn fetch(window: &Window, id: String) -> Result<Self, Failure> {
        let path = |rendition| format!("/v1/materials/{id}/pages/1/image?rendition={rendition}");
        let (original, page) = (window.picture(&path("original"))?, window.picture(&path("page"))?);
        Ok(Self { id, original, page })
    }
}

/// What is known so far.
struct Play<'a> {
    office: &'a mut Office,
    folder: &'a DemoFolder,
    language: Language,
    card: Value,
    /// The dossier that the card opened at window A.
    holder: String,
    capture: Value,
    papers: Vec<Paper>,
}

impl Play<'_> {
    fn read_card(&mut self) -> Result<String, Failure> {
        self.card = self.office.a().read_card()?;
        self.holder = text(&self.card, "holder")?;
        let name = masked(&text(&self.card, "name")?, 1, 0);
        let number = masked(&text(&self.card, "id_number")?, 6, 2);
        let how =
            self.language.pick("模拟的证件，真实的 SAM 帧", "a simulated card that answers real SAM frames");
        Ok(format!("{name}  {number}  {}\n{how}", text(&self.card, "document_type")?))
    }

    fn capture(&mut self) -> Result<String, Failure> {
        self.capture = self.office.a().capture(FRAMES[0], &self.holder)?;
        self.keep_pictures(&self.capture, FRAMES[0])
    }

    /// Writes the two pictures of a capture where a person can look at them.
    fn keep_pictures(&self, capture: &Value, name: &str) -> Result<String, Failure> {
        let id = text(capture, "id")?;
        let path = |rendition| format!("/v1/captures/{id}/image?rendition={rendition}");
        let original = self.office.a().picture(&path("original"))?;
        let page = self.office.a().picture(&path("page"))?;
        if original == page {
            return Err("the page is the whole frame: nothing was straightened".into());
        }
        let original = self.folder.keep_picture(&format!("{name}-desk.jpg"), &original)?;
        let page = self.folder.keep_picture(&format!("{name}-page.jpg"), &page)?;
        let (width, height) = (&capture["width"], &capture["height"]);
        let sure = self.language.pick("置信度", "confidence");
        let (original, page) = (original.display(), page.display());
        Ok(format!("{width}×{height}, {sure} {}\n{original}\n→ {page}", rounded(&capture["confidence"])))
    }

    fn file(&mut self) -> Result<String, Failure> {
        let at_b = text(&self.office.b().read_card()?, "holder")?;
        let began = Instant::now();
        let filed = self.office.a().file(&self.holder, &self.capture, CASES[0])?.expect(201)?;
        let durable = took(began.elapsed());
        let id = text(&filed, "id")?;
        let b = self.office.b();
        wait("the paper is seen at window B", || Ok(b.dossier(&at_b)?.papers.contains(&id)))?;
        let seen = took(began.elapsed());
        self.papers.push(Paper::fetch(self.office.a(), id)?);
        Ok(match self.language {
            Language::Chinese => format!("{durable} 后落盘，{seen} 后在窗口乙可见"),
            Language::English => format!("durable after {durable}, seen at window B after {seen}"),
        })
    }

    fn recognise(&mut self) -> Result<String, Failure> {
        let a = self.office.a();
        let first = &self.papers[0].id;
        let before = a.blobs_on_disk()?;
        let again = a.capture(FRAMES[0], &self.holder)?;
        let mut matches = again["matches"].as_array().into_iter().flatten();
        if !matches.any(|m| m["material"] == first.as_str() && m["verdict"] == "same") {
            return Err(format!("the paper is not among the matches: {}", again["matches"]).into());
        }
        let filed = a.file(&self.holder, &again, CASES[0])?.expect(200)?;
        if filed["duplicate"] != true || filed["id"] != first.as_str() {
            return Err(format!("it was filed anew: {filed}").into());
        }
        let after = a.blobs_on_disk()?;
        if after != before {
            return Err(format!("{before} blobs before, {after} after").into());
        }
        Ok(match self.language {
            Language::Chinese => format!("返回第一次的记录；磁盘上仍是 {after} 个数据块"),
            Language::English => format!("the first record is the answer; {after} blobs on disk, as before"),
        })
    }

    fn outage(&mut self) -> Result<String, Failure> {
        wait("window A has sent everything", || nothing_waits(self.office.a()))?;
        self.office.close_repository();
        let a = self.office.a();
        let capture = a.capture(FRAMES[1], &self.holder)?;
        self.keep_pictures(&capture, FRAMES[1])?;
        let filed = a.file(&self.holder, &capture, CASES[1])?.expect(201)?;
        let meanwhile = a.dossier(&self.holder)?;
        if meanwhile.repository != "unreachable" || meanwhile.papers.len() != 2 {
            return Err(format!("during the outage: {} {:?}", meanwhile.repository, meanwhile.papers).into());
        }
        let id = text(&filed, "id")?;
        let began = Instant::now();
        self.office.open_repository()?;
        let (a, b) = (self.office.a(), self.office.b());
        let at_b = text(&b.read_card()?, "holder")?;
        wait("the paper of the outage is at window B", || Ok(b.dossier(&at_b)?.papers.contains(&id)))?;
        let arrival = took(began.elapsed());
        wait("window A has sent everything", || nothing_waits(a))?;
        let times = b.dossier(&at_b)?.papers.iter().filter(|seen| **seen == id).count();
        if times != 1 {
            return Err(format!("it arrived {times} times").into());
        }
        self.papers.push(Paper::fetch(a, id)?);
        Ok(match self.language {
            Language::Chinese => format!("停机时两份都可查；恢复 {arrival} 后送达，恰好一次"),
            Language::English => {
                format!("both were listed meanwhile; there {arrival} after the return, exactly once")
            }
        })
    }

    fn see(&mut self) -> Result<String, Failure> {
        let b = self.office.b();
        let seen = b.dossier(&text(&b.read_card()?, "holder")?)?.papers;
        if seen.len() != self.papers.len() {
            return Err(format!("{} papers are listed", seen.len()).into());
        }
        let mut bytes = 0;
        for known in &self.papers {
            let here = Paper::fetch(b, known.id.clone())?;
            if here.original != known.original || here.page != known.page {
                return Err(format!("the pictures of {} differ", known.id).into());
            }
            bytes += here.original.len() + here.page.len();
        }
        let (papers, pictures) = (seen.len(), seen.len() * 2);
        Ok(match self.language {
            Language::Chinese => format!("{papers} 份材料，{pictures} 张图片，{bytes} 字节，逐字节相同"),
            Language::English => {
                format!("{papers} papers, {pictures} pictures, {bytes} bytes, byte for byte")
            }
        })
    }

    /// Someone who knows a number and has neither the card nor a ground.
    fn stay_shut(&mut self) -> Result<String, Failure> {
        let b = self.office.b();
        let number = text(&self.card, "id_number")?;
        let body = json!({"subject": {"type": "resident", "value": number}, "basis": "none"});
        let opened = b.post("/v1/holders", &body)?.expect(201)?;
        if opened["rights"] != json!(["file"]) {
            return Err(format!("it has the rights {}", opened["rights"]).into());
        }
        let path = format!("/v1/holders/{}/materials?scope=all", text(&opened, "holder")?);
        b.get(&path)?.expect_problem(403, "right_missing")?;
        let said = (
            "可以为其归档，不能查看：403 right_missing",
            "papers may be filed, none seen: 403 right_missing",
        );
        Ok(self.language.pick(said.0, said.1).to_owned())
    }

    fn erase(&mut self) -> Result<String, Failure> {
        let (a, b) = (self.office.a(), self.office.b());
        let [gone, kept] = self.papers.as_slice() else { return Err("there are not two papers".into()) };
        let blobs = || Ok::<_, Failure>([a.blobs_on_disk()?, self.office.repository_blobs()?]);
        let before = blobs()?;
        let began = Instant::now();
        let erasure = a.post("/v1/erasures", &json!({"material": gone.id, "reason": "demo"}))?.expect(201)?;
        let path = format!("/v1/erasures/{}", text(&erasure, "id")?);
        wait("the erasure is done", || Ok(a.get(&path)?.expect(200)?["state"] == "done"))?;
        let done = took(began.elapsed());
        let at_b = text(&b.read_card()?, "holder")?;
        for (window, holder) in [(a, &self.holder), (b, &at_b)] {
            let left = window.dossier(holder)?.papers;
            if left != [kept.id.as_str()] {
                return Err(format!("{} lists {left:?}", window.url).into());
            }
            let picture = format!("/v1/materials/{}/pages/1/image", gone.id);
            window.get(&picture)?.expect_problem(404, "material_unknown")?;
        }
        let after = blobs()?;
        if after != before.map(|count| count - 2) {
            return Err(format!("{before:?} blobs before, {after:?} after").into());
        }
        Ok(match self.language {
            Language::Chinese => format!("{done}；窗口甲和中心库的磁盘上各少 2 个数据块"),
            Language::English => format!("{done}; 2 blobs fewer on window A's disk and on the repository's"),
        })
    }
}

fn nothing_waits(window: &Window) -> Result<bool, Failure> {
    Ok(window.get("/v1/sync")?.expect(200)?["backlog_materials"] == 0)
}

fn wait(what: &str, mut holds: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let began = Instant::now();
    while !holds()? {
        if began.elapsed() > PATIENCE {
            return Err(format!("waited {} s in vain until {what}", PATIENCE.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn rounded(number: &Value) -> String {
    format!("{:.2}", number.as_f64().unwrap_or_default())
}

/// `张*`, `000000**********1X`: enough to recognise, not enough to know.
fn masked(text: &str, shown: usize, shown_last: usize) -> String {
    let length = text.chars().count();
    let hidden = |at: usize| at >= shown && at + shown_last < length;
    text.chars().enumerate().map(|(at, c)| if hidden(at) { '*' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_masked() {
        assert_eq!(masked("林晓禾", 1, 0), "林**");
        assert_eq!(masked("00000019900228001X", 6, 2), "000000**********1X");
        assert_eq!(masked("张", 1, 0), "张");
    }
}
