//! A profile as it is written down: one TOML file per reader model. `drivers/README.md` explains every key.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use crate::exchange::GET_RESPONSE;
use crate::pattern::{AtrPattern, NamePattern, byte};
use crate::profile::{
    Carrier, Form, FrameParts, LengthForm, PagedForm, PresenceBy, Profile, READING_MAX, Share, Source,
    TimeLimits, TunnelForm, Wrapping,
};
use crate::tunnel::CHAINED;

/// Smallest and largest time limits, in milliseconds.
const COMMAND_MS: std::ops::RangeInclusive<u64> = 50..=10_000;
const READING_MS: std::ops::RangeInclusive<u64> = 500..=READING_MAX.as_millis() as u64;
/// Bytes of a page; a short answer holds no more than 256.
const PAGE_BYTES: std::ops::RangeInclusive<u64> = 16..=256;
const PAGES: std::ops::RangeInclusive<u64> = 1..=128;
const CHUNK_BYTES: std::ops::RangeInclusive<u64> = 1..=255;

/// What is wrong with a profile: line and key, where they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    r#match: MatchSection,
    presence: Option<Spanned<PresenceWord>>,
    chip_serial: Option<Spanned<bool>>,
    #[serde(default)]
    limits: LimitsSection,
    paged: Option<Spanned<PagedSection>>,
    transmit: Option<Spanned<TransmitSection>>,
    control: Option<Spanned<ControlSection>>,
    bare: Option<Spanned<BareSection>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MatchSection {
    readers: Vec<NamePattern>,
    atrs: Vec<AtrPattern>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PresenceWord {
    State,
    Find,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSection {
    command_ms: Option<Spanned<u64>>,
    reading_ms: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PagedSection {
    command: PageCommand,
    pages: Option<Spanned<u64>>,
    page_bytes: Option<Spanned<u64>>,
    header: Option<HeaderWord>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HeaderWord {
    Lengths,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransmitSection {
    header: CommandHeader,
    length: Option<LengthWord>,
    chunk_bytes: Option<Spanned<u64>>,
    le: Option<bool>,
    get_response: Option<CommandHeader>,
    frame: Option<Vec<PartWord>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlSection {
    code: u32,
    windows_code: Option<u32>,
    share: ShareWord,
    header: Option<CommandHeader>,
    length: Option<Spanned<LengthWord>>,
    chunk_bytes: Option<Spanned<u64>>,
    le: Option<Spanned<bool>>,
    get_response: Option<Spanned<CommandHeader>>,
    frame: Option<Vec<PartWord>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BareSection {}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ShareWord {
    Direct,
    Shared,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LengthWord {
    Short,
    Extended,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartWord {
    Preamble,
    Length,
    Check,
}

/// Four bytes: CLA INS P1 P2.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct CommandHeader([u8; 4]);

impl TryFrom<String> for CommandHeader {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes: Vec<u8> = text.split_whitespace().map(byte).collect::<Result<_, _>>()?;
        let header = bytes.try_into().map_err(|_| "a command header is four bytes: CLA INS P1 P2")?;
        Ok(Self(header))
    }
}

/// Five bytes: CLA INS P1 P2 Le, with `pp` for one of them.
struct PageCommand {
    bytes: [u8; 5],
    page_at: usize,
}

impl<'de> Deserialize<'de> for PageCommand {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl PageCommand {
    fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let wrong = || "a page command is five bytes, one of the middle three written `pp`".to_owned();
        let page_at = words.iter().position(|word| *word == "pp").ok_or_else(wrong)?;
        let bytes = words.iter().enumerate().map(|(at, word)| if at == page_at { Ok(0) } else { byte(word) });
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>()?;
        match bytes.try_into() {
            Ok(bytes) if (1..=3).contains(&page_at) => Ok(Self { bytes, page_at }),
            _ => Err(wrong()),
        }
    }
}

/// Reads a profile of this name. Never panics, whatever the text.
pub(crate) fn parse(name: &str, source: Source, text: &str) -> Result<Profile, Reason> {
    let file: File = toml::from_str(text).map_err(|e| Reason(e.to_string().trim().to_owned()))?;
    let text = Text(text);
    let limits = limits(&file.limits, text)?;
    let presence = file.presence;
    let chip_serial = file.chip_serial;
    let form = form(file.paged, file.transmit, file.control, file.bare, text)?;
    let tunnel = matches!(form, Form::Tunnel(_));
    if let Some(word) = &presence
        && *word.get_ref() == PresenceWord::Find
        && !tunnel
    {
        return Err(text.at(
            word,
            "presence",
            "`find` needs a security module to ask: [transmit] or [control]",
        ));
    }
    let transmits = form.carrier() == Carrier::Transmit;
    if let Some(asked) = &chip_serial
        && *asked.get_ref()
        && !transmits
    {
        return Err(text.at(
            asked,
            "chip_serial",
            "the chip is asked over a card, which [control] has none of",
        ));
    }
    let presence = match presence.map(Spanned::into_inner) {
        Some(PresenceWord::Find) => PresenceBy::Find,
        Some(PresenceWord::State) | None => PresenceBy::State,
    };
    Ok(Profile {
        name: name.to_owned(),
        source,
        readers: file.r#match.readers,
        atrs: file.r#match.atrs,
        presence,
        limits,
        chip_serial: chip_serial.map_or(!tunnel, Spanned::into_inner),
        form,
    })
}

/// The written text, to tell a key's line.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl Text<'_> {
    fn at<T>(self, value: &Spanned<T>, key: &str, reason: &str) -> Reason {
        let before = self.0.get(..value.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Reason(format!("line {line}, {key}: {reason}"))
    }

    /// A number within its bounds; the default where none is written.
    fn number(
        self,
        value: Option<&Spanned<u64>>,
        key: &str,
        bounds: &std::ops::RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, Reason> {
        match value {
            None => Ok(default),
            Some(written) if bounds.contains(written.get_ref()) => Ok(*written.get_ref()),
            Some(written) => {
                let reason = format!("must be {} to {}", bounds.start(), bounds.end());
                Err(self.at(written, key, &reason))
            }
        }
    }
}

fn limits(section: &LimitsSection, text: Text<'_>) -> Result<TimeLimits, Reason> {
    use std::time::Duration;
    let usual = TimeLimits::default();
    let command = usual.command.as_millis() as u64;
    let reading = usual.reading.as_millis() as u64;
    let command = text.number(section.command_ms.as_ref(), "limits.command_ms", &COMMAND_MS, command)?;
    let reading = text.number(section.reading_ms.as_ref(), "limits.reading_ms", &READING_MS, reading)?;
    Ok(TimeLimits { command: Duration::from_millis(command), reading: Duration::from_millis(reading) })
}

fn form(
    paged: Option<Spanned<PagedSection>>,
    transmit: Option<Spanned<TransmitSection>>,
    control: Option<Spanned<ControlSection>>,
    bare: Option<Spanned<BareSection>>,
    text: Text<'_>,
) -> Result<Form, Reason> {
    let forms = [
        paged.map(|section| {
            let second = text.at(&section, "paged", TWO_FORMS);
            (paged_form(section.into_inner(), text).map(Form::Paged), second)
        }),
        transmit.map(|section| {
            let second = text.at(&section, "transmit", TWO_FORMS);
            (transmit_form(section.into_inner(), text).map(Form::Tunnel), second)
        }),
        control.map(|section| {
            let second = text.at(&section, "control", TWO_FORMS);
            (control_form(&section.into_inner(), text).map(Form::Tunnel), second)
        }),
        bare.map(|section| (Ok(Form::Bare), text.at(&section, "bare", TWO_FORMS))),
    ];
    let mut written = forms.into_iter().flatten();
    match (written.next(), written.next()) {
        (Some((form, _)), None) => form,
        (_, Some((_, second))) => Err(second),
        (None, None) => Err(Reason("no form: write [paged], [transmit], [control] or [bare]".into())),
    }
}

const TWO_FORMS: &str = "a profile has one form, and another one stands in this file as well";

fn paged_form(section: PagedSection, text: Text<'_>) -> Result<PagedForm, Reason> {
    Ok(PagedForm {
        command: section.command.bytes,
        page_at: section.command.page_at,
        pages: text.number(section.pages.as_ref(), "paged.pages", &PAGES, 6)? as usize,
        page_bytes: text.number(section.page_bytes.as_ref(), "paged.page_bytes", &PAGE_BYTES, 256)? as usize,
        lengths: section.header != Some(HeaderWord::None),
    })
}

fn transmit_form(section: TransmitSection, text: Text<'_>) -> Result<TunnelForm, Reason> {
    let length = length_form(
        section.header,
        section.length,
        section.chunk_bytes.as_ref(),
        "transmit.chunk_bytes",
        text,
    )?;
    let wrapping = Wrapping {
        header: section.header.0,
        length,
        le: section.le.unwrap_or(true),
        get_response: section.get_response.map_or(GET_RESPONSE, |header| header.0),
    };
    let parts = frame_parts(section.frame);
    Ok(TunnelForm { carrier: Carrier::Transmit, wrapping: Some(wrapping), parts })
}

fn control_form(section: &ControlSection, text: Text<'_>) -> Result<TunnelForm, Reason> {
    let needs_header = "means nothing without control.header";
    let wrapping = match section.header {
        Some(header) => {
            let word = section.length.as_ref().map(|word| *word.get_ref());
            let chunk = section.chunk_bytes.as_ref();
            Some(Wrapping {
                header: header.0,
                length: length_form(header, word, chunk, "control.chunk_bytes", text)?,
                le: section.le.as_ref().is_none_or(|le| *le.get_ref()),
                get_response: section.get_response.as_ref().map_or(GET_RESPONSE, |h| h.get_ref().0),
            })
        }
        None => {
            let stray = [
                section.length.as_ref().map(|v| text.at(v, "control.length", needs_header)),
                section.chunk_bytes.as_ref().map(|v| text.at(v, "control.chunk_bytes", needs_header)),
                section.le.as_ref().map(|v| text.at(v, "control.le", needs_header)),
                section.get_response.as_ref().map(|v| text.at(v, "control.get_response", needs_header)),
            ];
            match stray.into_iter().flatten().next() {
                Some(reason) => return Err(reason),
                None => None,
            }
        }
    };
    let code = if cfg!(windows) { section.windows_code.unwrap_or(section.code) } else { section.code };
    let share = match section.share {
        ShareWord::Direct => Share::Direct,
        ShareWord::Shared => Share::Shared,
    };
    let parts = frame_parts(section.frame.clone());
    Ok(TunnelForm { carrier: Carrier::Control { code, share }, wrapping, parts })
}

fn length_form(
    CommandHeader([class, ..]): CommandHeader,
    word: Option<LengthWord>,
    chunk: Option<&Spanned<u64>>,
    key: &str,
    text: Text<'_>,
) -> Result<LengthForm, Reason> {
    if let Some(chunk) = chunk
        && class & CHAINED != 0
    {
        return Err(text.at(chunk, key, "the header's class has the bit set that would mark a chain"));
    }
    match (word, chunk) {
        (Some(LengthWord::Extended), Some(chunk)) => {
            Err(text.at(chunk, key, "only short commands are chained"))
        }
        (Some(LengthWord::Extended), None) => Ok(LengthForm::Extended),
        (Some(LengthWord::Short) | None, chunk) => {
            let chunk = text.number(chunk, key, &CHUNK_BYTES, *CHUNK_BYTES.end())?;
            Ok(LengthForm::Short { chunk: chunk as usize })
        }
    }
}

fn frame_parts(words: Option<Vec<PartWord>>) -> FrameParts {
    words.map_or(FrameParts::ALL, |words| FrameParts {
        preamble: words.contains(&PartWord::Preamble),
        length: words.contains(&PartWord::Length),
        check: words.contains(&PartWord::Check),
    })
}

#[cfg(test)]
#[path = "profile_file_tests.rs"]
mod tests;
