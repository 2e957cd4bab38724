//! Good and bad profile files, and texts that are neither.

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Profile {
    parse("test", Source::Folder, text).unwrap_or_else(|reason| panic!("{text}: {reason}"))
}

fn tunnel(text: &str) -> TunnelForm {
    match parsed(text).form {
        Form::Tunnel(form) => form,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_examples_hold() {
    for (name, text) in [
        ("paged", include_str!("profiles/examples/paged.toml")),
        ("transmit", include_str!("profiles/examples/transmit.toml")),
        ("control", include_str!("profiles/examples/control.toml")),
        ("bare", include_str!("profiles/examples/bare.toml")),
    ] {
        let profile = parsed(text);
        assert!(!profile.readers.is_empty(), "{name} is for a reader by name");
    }
}

#[test]
fn what_is_not_written_has_its_default() {
    let profile = parsed("[transmit]\nheader = \"FF 00 00 00\"");
    assert_eq!((profile.presence, profile.limits), (PresenceBy::State, TimeLimits::default()));
    assert!(!profile.chip_serial);
    let Form::Tunnel(form) = profile.form else { panic!("it is a tunnel") };
    assert_eq!(
        form,
        TunnelForm {
            carrier: Carrier::Transmit,
            wrapping: Some(Wrapping {
                header: [0xFF, 0, 0, 0],
                length: LengthForm::Short { chunk: 255 },
                le: true,
                get_response: [0, 0xC0, 0, 0],
            }),
            parts: FrameParts::ALL,
        }
    );
    assert!(parsed("[bare]").chip_serial);
}

#[test]
fn every_key_is_heard() {
    let text = "presence = \"find\"\n[match]\nreaders = [\"A*\"]\natrs = [\"3B ?? *\"]\n\
                [limits]\ncommand_ms = 700\nreading_ms = 3000\n\
                [control]\ncode = 2079\nwindows_code = 2079\nshare = \"direct\"\nheader = \"80 01 02 03\"\n\
                length = \"short\"\nchunk_bytes = 16\nle = false\nget_response = \"80 C0 00 00\"\nframe = [\"check\"]";
    let profile = parsed(text);
    assert_eq!(profile.presence, PresenceBy::Find);
    assert_eq!((profile.limits.command.as_millis(), profile.limits.reading.as_millis()), (700, 3000));
    assert_eq!((profile.readers.len(), profile.atrs.len()), (1, 1));
    assert_eq!(
        tunnel(text),
        TunnelForm {
            carrier: Carrier::Control { code: 2079, share: Share::Direct },
            wrapping: Some(Wrapping {
                header: [0x80, 1, 2, 3],
                length: LengthForm::Short { chunk: 16 },
                le: false,
                get_response: [0x80, 0xC0, 0, 0],
            }),
            parts: FrameParts { preamble: false, length: false, check: true },
        }
    );
    let Form::Paged(form) =
        parsed("[paged]\ncommand = \"80 B0 00 pp 00\"\npages = 9\npage_bytes = 200\nheader = \"none\"").form
    else {
        panic!("it is paged")
    };
    let command = [0x80, 0xB0, 0, 0, 0];
    assert_eq!(form, PagedForm { command, page_at: 3, pages: 9, page_bytes: 200, lengths: false });
    let bare_frames = tunnel("[control]\ncode = 1\nshare = \"shared\"");
    assert_eq!(bare_frames.wrapping, None);
    let body_alone = tunnel("[transmit]\nheader = \"FF 00 00 00\"\nframe = []").parts;
    assert_eq!(body_alone, FrameParts { preamble: false, length: false, check: false });
}

/// A bad file, and the words its error must have: the line, and the key or the word that is wrong.
const BAD: &[(&str, &[&str])] = &[
    ("", &["no form", "[paged]"]),
    ("[match]\nreaders = [\"A\"]", &["no form"]),
    ("[bare]\n[transmit]\nheader = \"FF 00 00 00\"", &["line 1, bare", "one form"]),
    ("kolour = 1\n[bare]", &["line 1", "kolour"]),
    ("[bare]\nserial = true", &["line 2", "serial"]),
    ("[match]\nreader = \"A\"\n[bare]", &["line 2", "reader"]),
    ("[match]\nreaders = \"A\"\n[bare]", &["line 2", "readers"]),
    ("[match]\nreaders = [\"\"]\n[bare]", &["line 2", "readers", "empty"]),
    ("[match]\natrs = [\"3B 8\"]\n[bare]", &["line 2", "atrs", "two hexadecimal digits"]),
    ("[match]\natrs = [\"?? *\"]\n[bare]", &["line 2", "atrs", "at least one byte"]),
    ("presence = \"guess\"\n[bare]", &["line 1", "presence", "guess"]),
    ("presence = \"find\"\n[bare]", &["line 1, presence", "security module"]),
    ("presence = \"find\"\n[paged]\ncommand = \"FF B0 pp 00 00\"", &["line 1, presence"]),
    ("chip_serial = true\n[control]\ncode = 1\nshare = \"direct\"", &["line 1, chip_serial"]),
    ("[limits]\ncommand_ms = 0\n[bare]", &["line 2, limits.command_ms", "50 to 10000"]),
    ("[limits]\nreading_ms = 60000\n[bare]", &["line 2, limits.reading_ms", "500 to 12000"]),
    ("[limits]\nreading_ms = -1\n[bare]", &["line 2", "reading_ms"]),
    ("[paged]\npages = 6", &["command"]),
    ("[paged]\ncommand = \"FF B0 00 00 00\"", &["line 2", "command", "pp"]),
    ("[paged]\ncommand = \"pp B0 00 00 00\"", &["line 2", "command", "middle three"]),
    ("[paged]\ncommand = \"FF B0 pp 00\"", &["line 2", "command", "five bytes"]),
    ("[paged]\ncommand = \"FF B0 pp pp 00\"", &["line 2", "command", "`pp` is no byte"]),
    ("[paged]\ncommand = \"FF B0 pp 00 00\"\npages = 0", &["line 3, paged.pages"]),
    ("[paged]\ncommand = \"FF B0 pp 00 00\"\npage_bytes = 300", &["line 3, paged.page_bytes"]),
    ("[paged]\ncommand = \"FF B0 pp 00 00\"\nheader = \"sums\"", &["line 3", "header", "sums"]),
    ("[transmit]\nheader = \"FF 00 00\"", &["line 2", "header", "four bytes"]),
    ("[transmit]\nheader = \"FF 00 00 0x\"", &["line 2", "header", "`0x`"]),
    ("[transmit]\nheader = \"FF 00 00 00\"\nlength = \"long\"", &["line 3", "length", "long"]),
    ("[transmit]\nheader = \"FF 00 00 00\"\nchunk_bytes = 16", &["line 3, transmit.chunk_bytes", "class"]),
    (
        "[transmit]\nheader = \"80 00 00 00\"\nchunk_bytes = 256",
        &["line 3, transmit.chunk_bytes", "1 to 255"],
    ),
    (
        "[transmit]\nheader = \"80 00 00 00\"\nlength = \"extended\"\nchunk_bytes = 9",
        &["line 4, transmit.chunk_bytes", "only short"],
    ),
    ("[transmit]\nheader = \"FF 00 00 00\"\nframe = [\"tail\"]", &["line 3", "frame", "tail"]),
    ("[transmit]\nheader = \"FF 00 00 00\"\ncode = 1", &["line 3", "code"]),
    ("[control]\ncode = 1", &["share"]),
    ("[control]\ncode = 1\nshare = \"alone\"", &["line 3", "share", "alone"]),
    ("[control]\ncode = 1\nshare = \"direct\"\nle = true", &["line 4, control.le", "control.header"]),
    ("[control]\ncode = 1\nshare = \"direct\"\nlength = \"short\"", &["line 4, control.length"]),
    ("[control]\ncode = -1\nshare = \"direct\"", &["line 2", "code"]),
    ("[control\ncode = 1", &["line 1"]),
];

#[test]
fn every_mistake_is_named_with_its_line_and_key() {
    for (text, words) in BAD {
        let reason = parse("bad", Source::Folder, text).expect_err(text).to_string();
        for word in *words {
            assert!(reason.contains(word), "{text}\nhas no `{word}` in\n{reason}");
        }
    }
}

/// Texts near enough to profiles to get past the TOML.
fn nearly() -> impl Strategy<Value = String> {
    let words = proptest::sample::select(vec![
        "[match]",
        "[paged]",
        "[transmit]",
        "[control]",
        "[bare]",
        "[limits]",
        "readers",
        "atrs",
        "command",
        "pages",
        "page_bytes",
        "header",
        "length",
        "frame",
        "code",
        "share",
        "presence",
        "chip_serial",
        "le",
        "command_ms",
        " = ",
        " = ",
        " = ",
        "\n",
        "\n",
        "\n",
        "\"FF B0 pp 00 00\"",
        "\"FF 00 00 00\"",
        "\"find\"",
        "\"direct\"",
        "\"short\"",
        "[\"3B *\"]",
        "[\"*\"]",
        "[\"check\"]",
        "true",
        "1",
        "-1",
        "99999999999",
        "\"",
        "[",
        "]",
        "读",
    ]);
    proptest::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", near in nearly()) {
        let _ = parse("any", Source::Folder, &text);
        if let Err(reason) = parse("any", Source::Folder, &near) {
            prop_assert!(!reason.to_string().is_empty());
        }
    }
}
