//! `yidang recovery-key`.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use yidang_archive::files::{create_folder, sync_folder, write_new_file};
use yidang_archive::recovery::{RecoverySecret, RecoveryShare, SHARES_MAX, THRESHOLD_MIN, split_secret};
use yidang_archive::{ArchiveError, recovery::RecoveryKey};
use zeroize::Zeroizing;

use super::misused;
use super::output::{say, say_json};
use crate::failure::Failure;

/// The public half's file.
const KEY_FILE: &str = "recovery-key.txt";

/// Said too where an option is missing, so it says what each is for.
const USAGE: &str = "yidang recovery-key create --shares <N> --threshold <M> --out <DIR>
       for example --shares 5 --threshold 3 --out recovery: five people keep a share each, and any three of them recover
       例如 --shares 5 --threshold 3 --out recovery：由五人各保管一份，任意三份可以恢复；--out 是新建的文件夹";

#[derive(Subcommand)]
pub(super) enum RecoveryKeyCommand {
    /// Makes a key pair: a public key for the configuration of every window and repository of the office, and one share of
    /// the secret for each of the people who keep it.
    ///
    /// The secret itself is kept nowhere. Make it on a PC without a network; print each share or put it on a stick of its
    /// own, give it to one person, and destroy the files. `yidang archive recover` needs as many shares as --threshold says.
    Create(CreateKey),
}

#[derive(Args)]
#[command(override_usage = USAGE)]
pub(super) struct CreateKey {
    /// Among how many people the secret is split.
    #[arg(long, value_name = "N")]
    shares: u8,
    /// How many of them it takes to recover.
    #[arg(long, value_name = "M")]
    threshold: u8,
    /// The folder for the files; it is made.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn recovery_key(command: &RecoveryKeyCommand) -> Result<ExitCode, Failure> {
    let RecoveryKeyCommand::Create(wish) = command;
    if wish.shares > SHARES_MAX || wish.threshold < THRESHOLD_MIN || wish.threshold > wish.shares {
        misused(&format!(
            "a key is split into at most {SHARES_MAX} shares, of which at least {THRESHOLD_MIN} and at most all are needed \
             / 最多 {SHARES_MAX} 份，恢复所需份数至少 {THRESHOLD_MIN}，不超过总份数"
        ));
    }
    let secret = RecoverySecret::random().map_err(ArchiveError::from)?;
    let shares = split_secret(&secret, wish.shares, wish.threshold)?;
    let names = write(&wish.out, &secret.public(), &shares).map_err(|error| {
        let cause = format!("{}: {error}", wish.out.display());
        // The key's file comes last, so where it is there is a whole key.
        let is_in_use = error.kind() == io::ErrorKind::AlreadyExists && wish.out.join(KEY_FILE).exists();
        let remedy = if is_in_use {
            "a recovery key lies there already: keep it and its shares, and name another folder with --out for a new one"
        } else {
            "name another folder with --out; destroy what is in this one"
        };
        Failure::new("key_not_written", cause, remedy)
    })?;
    let path = |name: &String| wish.out.join(name).display().to_string();
    let office = secret.public().office().to_string();
    let key = path(&KEY_FILE.to_owned());
    if wish.json {
        let shares: Vec<String> = names.iter().map(path).collect();
        say_json(&json!({"office": office, "key": key, "shares": shares, "threshold": wish.threshold}))?;
    } else {
        say(&format!("office\t{office}\nkey\t{key}"))?;
        names.iter().try_for_each(|name| say(&format!("share\t{}", path(name))))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The key last: while it is not there, nothing can be sealed to shares that are not all there. The shares' names.
fn write(folder: &Path, key: &RecoveryKey, shares: &[RecoveryShare]) -> io::Result<Vec<String>> {
    create_folder(folder)?;
    let mut names = Vec::with_capacity(shares.len());
    for share in shares {
        let name = format!("share-{}-of-{}.txt", share.number(), shares.len());
        let mut text = share.to_text();
        let _ = text.write_str(SHARE_REMARK);
        write_new_file(&folder.join(&name), text.as_bytes())?;
        names.push(name);
    }
    let text = Zeroizing::new(format!("{key}{KEY_REMARK}"));
    write_new_file(&folder.join(KEY_FILE), text.as_bytes())?;
    sync_folder(folder)?;
    Ok(names)
}

const SHARE_REMARK: &str = "\
# 本单位恢复密钥的一份。请打印，由一人单独保管，然后销毁此文件；不要与其他份放在一起。
# A share of this office's recovery key. Print it, let one person keep it, destroy the file; never keep two together.
";
const KEY_REMARK: &str = "\
# 公钥，不保密。在各窗口的配置中写 [agent] recovery_key，在中心库的配置中写 [repository] recovery_key，指向此文件。
# The public key, no secret. Name this file as recovery_key under [agent] at each window and [repository] at the repository.
";
