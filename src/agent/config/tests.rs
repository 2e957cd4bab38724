use yidang_model::Kind;

use super::check::TLS_LIFE_DEFAULT;
use super::*;
use crate::operators::{IDLE_LOCK_DEFAULT, OperatorNeed, TAKE_OVER_DEFAULT};
use crate::retention::{RetentionRule, TermStart};

const DRIVERS: DriverNames<'_> = DriverNames { card: &["pcsc", "simulated"], camera: &["simulated"] };

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("yidang.toml");
    std::fs::write(&path, text).unwrap();
    let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Config::load(Some(&path), variables, DRIVERS)
}

const LEAST: &str = "[agent]\ncounter = \"c-1\"\ndata_dir = \"/srv/yidang\"\n";

#[test]
fn the_least_configuration_holds() {
    let config = load(LEAST, &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:18680");
    assert_eq!(config.keys_dir, Path::new("/srv/yidang.keys"));
    assert_eq!((config.card_driver.as_str(), config.repository_url), ("auto", None));
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = load(&format!("{LEAST}kounter = 1\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("line 4") && error.contains("kounter"), "{error}");
    let error = load(&format!("{LEAST}[repository]\nenrol_code=SECRET-1\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("line 5") && !error.contains("SECRET-1"), "{error}");
}

#[test]
fn the_environment_overrides_the_file_and_may_not_misspell() {
    let config = load(LEAST, &[("YIDANG_AGENT_COUNTER", "c-2"), ("YIDANG_SERVER_HTTP_LISTEN", "x")]).unwrap();
    assert_eq!(config.counter, "c-2");
    let error = load(LEAST, &[("YIDANG_AGENT_KOUNTER", "c-2")]).unwrap_err();
    assert_eq!(error, ConfigError::UnknownVariable("YIDANG_AGENT_KOUNTER".into()));
}

#[cfg(unix)]
#[test]
fn a_serial_port_is_named_by_its_whole_path() {
    assert_eq!(load(LEAST, &[]).unwrap().card_port, None);
    let text = format!("{LEAST}[card]\nport = \"/dev/ttyUSB0\"\n");
    assert_eq!(load(&text, &[]).unwrap().card_port.as_deref(), Some(Path::new("/dev/ttyUSB0")));
    let config = load(&text, &[("YIDANG_CARD_PORT", "/dev/ttyS1")]).unwrap();
    assert_eq!(config.card_port.as_deref(), Some(Path::new("/dev/ttyS1")));
    let error = load(LEAST, &[("YIDANG_CARD_PORT", "ttyUSB0")]).unwrap_err().to_string();
    assert!(error.starts_with("card.port: `ttyUSB0`"), "{error}");
    // Cameras have none.
    let error = load(&format!("{LEAST}[camera]\nport = \"/dev/ttyUSB0\"\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("line 5") && error.contains("port"), "{error}");
}

#[cfg(unix)]
#[test]
fn nothing_of_the_card_is_read_or_decoded_further_unless_it_is_configured() {
    let least = load(LEAST, &[]).unwrap();
    assert_eq!((least.card_fingerprint, least.card_photo_decoder), (false, None));
    let text = format!("{LEAST}[card]\nfingerprint = true\nphoto_decoder = \"/opt/decode\"\n");
    let written = load(&text, &[]).unwrap();
    assert!(written.card_fingerprint);
    assert_eq!(written.card_photo_decoder.as_deref(), Some(Path::new("/opt/decode")));
    let variables = [("YIDANG_CARD_FINGERPRINT", "false"), ("YIDANG_CARD_PHOTO_DECODER", "/opt/other")];
    let config = load(&text, &variables).unwrap();
    assert!(!config.card_fingerprint);
    assert_eq!(config.card_photo_decoder.as_deref(), Some(Path::new("/opt/other")));
    let error = load(LEAST, &[("YIDANG_CARD_FINGERPRINT", "yes")]).unwrap_err().to_string();
    assert_eq!(error, "card.fingerprint: must be true or false");
}

#[test]
fn profiles_lie_beside_the_file_unless_the_environment_says_otherwise() {
    let written = format!("{LEAST}[card]\nprofiles = \"profiles\"\n");
    let folder = load(&written, &[]).unwrap().card_profiles.unwrap();
    assert!(folder.is_absolute() && folder.ends_with("profiles"), "{}", folder.display());
    let config = load(&written, &[("YIDANG_CARD_PROFILES", "/srv/profiles")]).unwrap();
    assert_eq!(config.card_profiles.as_deref(), Some(Path::new("/srv/profiles")));
    assert_eq!(load(LEAST, &[]).unwrap().card_profiles, None);
}

#[test]
fn values_that_make_no_sense_name_their_key() {
    let cases = [
        ("[agent]\ndata_dir = \"/d\"\n", "agent.counter"),
        ("[agent]\ncounter = \"c\"\n", "agent.data_dir"),
        ("[agent]\ncounter = \"c\"\ndata_dir = \"/d\"\nkeys_dir = \"/d/keys\"\n", "agent.keys_dir"),
        (&format!("{LEAST}key_keeper = \"tpm\"\n"), "agent.key_keeper: `tpm`"),
        (&format!("{LEAST}cipher = \"rot13\"\n"), "agent.cipher: `rot13`"),
        (&format!("{LEAST}recovery_key = \"missing.txt\"\n"), "agent.recovery_key: "),
        (&format!("{LEAST}recovery_key = \"yidang.toml\"\n"), "agent.recovery_key: "),
        (&format!("{LEAST}[http]\nlisten = \"0.0.0.0:18680\"\n"), "http.listen"),
        (&format!("{LEAST}[http]\nlisten = \"18680\"\n"), "http.listen"),
        (&format!("{LEAST}[http]\ntls = \"on\"\n"), "http.tls: "),
        (&format!("{LEAST}[http]\ntls_listen = \"0.0.0.0:18681\"\n"), "http.tls_listen"),
        (&format!("{LEAST}[http]\ntls_life_minutes = 1e9\n"), "http.tls_life_minutes"),
        (&format!("{LEAST}[http]\norigins = [\"*\"]\n"), "http.origins"),
        (&format!("{LEAST}[card]\ndriver = \"magic\"\n"), "card.driver"),
        (&format!("{LEAST}[card]\nport = \"\"\n"), "card.port"),
        (&format!("{LEAST}[card]\nphoto_decoder = \"decode\"\n"), "card.photo_decoder"),
        (&format!("{LEAST}[card]\nphoto_decoder = \"\"\n"), "card.photo_decoder"),
        (&format!("{LEAST}[repository]\nurl = \"ftp://x\"\n"), "repository.url"),
        (&format!("{LEAST}[operators]\nrequired = \"maybe\"\n"), "operators.required"),
        (&format!("{LEAST}[operators]\nidle_lock_minutes = 0\n"), "operators.idle_lock_minutes"),
        (&format!("{LEAST}[operators]\nidle_lock_minutes = nan\n"), "operators.idle_lock_minutes"),
        (&format!("{LEAST}[[retention]]\nkind = \" \"\nyears = 1\n"), "retention.kind"),
        (&format!("{LEAST}{RULE}{RULE}"), "retention.kind"),
        (&format!("{LEAST}[[retention]]\nkind = \"form\"\nyears = 0\n"), "retention.years"),
        (&format!("{LEAST}[[retention]]\nkind = \"form\"\n"), "retention.years"),
        (&format!("{LEAST}{RULE}originals_years = 10\n"), "retention.originals_years: from"),
        (&format!("{LEAST}{RULE}originals_years = 0\n"), "retention.originals_years: from"),
        (&format!("{LEAST}{RULE}starts = \"case_closed\"\n"), "retention.starts"),
    ];
    for (text, key) in cases {
        let error = load(text, &[]).unwrap_err().to_string();
        assert!(error.starts_with(key), "{key}: {error}");
    }
}

#[test]
fn a_shim_is_there_only_where_it_is_named_with_its_pages() {
    assert_eq!(load(LEAST, &[]).unwrap().shims, []);
    let origins = "origins = [\"http://old.example\"]\n";
    let shim = |name: &str, more: &str| format!("[[shims]]\nname = \"{name}\"\n{more}");
    let text = format!("{LEAST}{}{}", shim("huashi-19196", origins), shim("xinzhongxin-8989", origins));
    let shims = load(&text, &[]).unwrap().shims;
    let listens: Vec<_> = shims.iter().map(|shim| shim.listen.to_string()).collect();
    assert_eq!(listens, ["127.0.0.1:19196", "127.0.0.1:8989"]);
    let liangtian = shim("liangtian-38088", &format!("{origins}listen = \"[::1]:0\"\n"));
    assert_eq!(load(&format!("{LEAST}{liangtian}"), &[]).unwrap().shims[0].listen.to_string(), "[::1]:0");
    let elsewhere = format!("{origins}listen = \"192.168.0.9:8989\"\n");
    let same = format!("{origins}listen = \"127.0.0.1:8989\"\n");
    let named = LEAST.to_owned() + "operator_required = true\n";
    let seated = LEAST.to_owned() + "[operators]\nrequired = \"session\"\n";
    let cases = [
        (LEAST, shim("huashi", origins), "shims.name: `huashi`"),
        (LEAST, shim("huashi-19196", origins).repeat(2), "shims.name: `huashi-19196` stands twice"),
        (LEAST, shim("huashi-19196", "origins = []\n"), "shims.origins"),
        (LEAST, shim("huashi-19196", "origins = [\"*\"]\n"), "shims.origins: `*`"),
        (LEAST, shim("huashi-19196", &elsewhere), "shims.listen: `192.168.0.9:8989`"),
        (LEAST, shim("huashi-19196", &same) + &shim("xinzhongxin-8989", origins), "shims.listen: two"),
        (&named, shim("huashi-19196", origins), "shims: old pages"),
        // Nor is there a way round where clerks must sign in: no card is read in nobody's name.
        (&seated, shim("huashi-19196", origins), "shims: old pages"),
        (&seated, shim("liangtian-38088", origins), "shims: old pages"),
    ];
    for (least, section, expected) in cases {
        let error = load(&format!("{least}{section}"), &[]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{expected}: {error}");
    }
    let laid_over = [("YIDANG_OPERATORS_REQUIRED", "session")];
    assert!(load(&text, &laid_over).unwrap_err().to_string().starts_with("shims: old pages"));
    let unknown = format!("{LEAST}{}", shim("huashi-19196", &format!("{origins}port = 1\n")));
    let error = load(&unknown, &[]).unwrap_err().to_string();
    assert!(error.contains("line 7") && error.contains("port"), "{error}");
}

const RULE: &str = "[[retention]]\nkind = \"form\"\nyears = 10\n";

#[test]
fn https_is_served_only_where_it_is_configured() {
    let tls = |text: &str, variables: &[(&str, &str)]| load(text, variables).unwrap().tls;
    assert_eq!(tls(LEAST, &[]), None);
    let usual = Tls { listen: "127.0.0.1:18681".parse().unwrap(), life: TLS_LIFE_DEFAULT };
    let written = format!("{LEAST}[http]\ntls = \"loopback\"\n");
    assert_eq!(tls(&written, &[]), Some(usual));
    let variables = [("YIDANG_HTTP_TLS_LISTEN", "[::1]:0"), ("YIDANG_HTTP_TLS_LIFE_MINUTES", "60")];
    let other = Tls { listen: "[::1]:0".parse().unwrap(), life: Duration::from_secs(3600) };
    assert_eq!(tls(&written, &variables), Some(other));
    assert_eq!(tls(&written, &[("YIDANG_HTTP_TLS", "off")]), None);
}

#[test]
fn what_is_wanted_of_clerks_is_said_in_one_place_or_as_it_was_said_before() {
    let rules = |text: &str, variables: &[(&str, &str)]| load(text, variables).unwrap().operators;
    let (idle_lock, take_over) = (IDLE_LOCK_DEFAULT, TAKE_OVER_DEFAULT);
    assert_eq!(rules(LEAST, &[]), OperatorRules { need: OperatorNeed::None, idle_lock, take_over });
    let before = format!("{LEAST}operator_required = true\n");
    assert_eq!(rules(&before, &[]).need, OperatorNeed::Named);
    let now = format!("{before}[operators]\nrequired = \"session\"\nidle_lock_minutes = 2\n");
    let idle_lock = Duration::from_secs(120);
    let wanted = OperatorRules { need: OperatorNeed::Session, idle_lock, take_over };
    assert_eq!(rules(&now, &[]), wanted);
    let variables = [
        ("YIDANG_OPERATORS_REQUIRED", "none"),
        ("YIDANG_OPERATORS_IDLE_LOCK_MINUTES", "0.5"),
        ("YIDANG_OPERATORS_TAKE_OVER_MINUTES", "1"),
    ];
    let (idle_lock, take_over) = (Duration::from_secs(30), Duration::from_secs(60));
    assert_eq!(rules(&now, &variables), OperatorRules { need: OperatorNeed::None, idle_lock, take_over });
    let soon = load(&format!("{LEAST}[operators]\ntake_over_minutes = 0\n"), &[]).unwrap_err().to_string();
    assert_eq!(soon, "operators.take_over_minutes: from 0.05 to 480");
}

#[test]
fn how_often_a_client_may_call_is_within_bounds() {
    assert_eq!(load(LEAST, &[]).unwrap().calls_per_second, 5000);
    let text = format!("{LEAST}[http]\ncalls_per_second = 400\n");
    assert_eq!(load(&text, &[]).unwrap().calls_per_second, 400);
    let variable = [("YIDANG_HTTP_CALLS_PER_SECOND", "1000")];
    assert_eq!(load(&text, &variable).unwrap().calls_per_second, 1000);
    let slow = load(LEAST, &[("YIDANG_HTTP_CALLS_PER_SECOND", "19")]).unwrap_err().to_string();
    assert_eq!(slow, "http.calls_per_second: is 20 to 1000000");
}

#[test]
fn nothing_is_disposed_of_unless_it_is_configured() {
    assert_eq!(load(LEAST, &[]).unwrap().retention, Retention::default());
    let text = format!("{LEAST}{RULE}starts = \"valid_until\"\n");
    let kind = Kind::new("form").unwrap();
    let starts = TermStart::ValidUntil;
    let mut rule = RetentionRule { kind, years: Some(10), originals_years: None, starts };
    assert_eq!(load(&text, &[]).unwrap().retention, Retention(vec![rule.clone()]));
    rule.originals_years = Some(2);
    let text = format!("{text}originals_years = 2\n");
    assert_eq!(load(&text, &[]).unwrap().retention, Retention(vec![rule.clone()]));
    rule.years = None;
    let text = text.replace("\nyears = 10", "");
    assert_eq!(load(&text, &[]).unwrap().retention, Retention(vec![rule]));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    #[test]
    fn any_file_is_refused_with_a_reason_or_holds(
        lines in proptest::collection::vec(proptest::sample::select(LINES), 0..12),
        tail in "\\PC{0,12}",
    ) {
        let text = format!("{}{tail}", lines.concat());
        match load(&text, &[]) {
            Ok(config) => {
                proptest::prop_assert!(config.listen.ip().is_loopback());
                proptest::prop_assert!(!config.keys_dir.starts_with(&config.data_dir));
            }
            Err(error) => proptest::prop_assert!(!error.to_string().is_empty()),
        }
    }
}

/// Lines of a configuration, right and wrong.
const LINES: &[&str] = &[
    "[agent]\n",
    "counter = \"c\"\n",
    "counter = \"\\u0007\"\n",
    "data_dir = \"/srv/yidang\"\n",
    "data_dir = \"/\"\n",
    "data_dir = \"..\"\n",
    "data_dir = \"\"\n",
    "keys_dir = \"/srv/yidang/keys\"\n",
    "keys_dir = \"/srv/keys\"\n",
    "operator_required = true\n",
    "operator_required = 1\n",
    "[http]\n",
    "listen = \"127.0.0.1:0\"\n",
    "listen = \"0.0.0.0:80\"\n",
    "listen = \"[::1]:9\"\n",
    "listen = \"localhost\"\n",
    "origins = [\"https://a.example\"]\n",
    "origins = [\"https://a.example/\", \"\"]\n",
    "[card]\n",
    "[camera]\n",
    "driver = \"simulated\"\n",
    "driver = \"x\"\n",
    "[repository]\n",
    "url = \"https://r.example\"\n",
    "url = \"http://r.example\"\n",
    "url = \"::\"\n",
    "enrol_code = \" \"\n",
];
