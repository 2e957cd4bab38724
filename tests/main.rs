//! The one integration binary. Each module is one promise, kept with real parts.

mod support {
    //! What the tests stand on: real services, started and stopped by them.
    pub(crate) mod agent;
    pub(crate) mod assertion;
    pub(crate) mod blobs;
    pub(crate) mod cards;
    mod document;
    pub(crate) mod ledger;
    pub(crate) mod paper;
    pub(crate) mod pcscd;
    pub(crate) mod preview;
    pub(crate) mod proxy;
    pub(crate) mod repository;
    pub(crate) mod said;
    pub(crate) mod shims;
    pub(crate) mod small_disk;
    pub(crate) mod tpm;
    pub(crate) mod verified;
    #[path = "../../drivers/sam-serial/wire.rs"]
    #[allow(dead_code)]
    pub(crate) mod wire;

    /// Copies a folder as it lies there, file by file; what is no file is left out.
    pub(crate) fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            let target = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                copy_folder(&path, &target);
            } else if path.is_file() {
                // What is gone by now was a temporary file.
                if std::fs::copy(&path, &target).is_ok() {
                    let own = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                    std::fs::set_permissions(&target, own).expect("it is there");
                }
            }
        }
    }

    /// A backup of a folder, beside it.
    pub(crate) fn copy_of(folder: &std::path::Path) -> std::path::PathBuf {
        let mut name = folder.file_name().expect("a name").to_owned();
        name.push(".backup");
        let backup = folder.with_file_name(name);
        copy_folder(folder, &backup);
        backup
    }

    pub(crate) fn put_back(backup: &std::path::Path, folder: &std::path::Path) {
        std::fs::remove_dir_all(folder).expect("it goes");
        copy_folder(backup, folder);
    }

    /// Waits for something that happens within half a minute on the busiest machine.
    pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
        let started = std::time::Instant::now();
        while !holds() {
            assert!(started.elapsed().as_secs() < 40, "{what}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// No attack of the table passes.
mod attacks;
/// A window program sees what the camera sees, and captures a paper as it comes to rest.
mod camera;
/// Who installs a reader sees what it does, the reader with a module is used, and a driver that hangs wedges nothing.
mod card_commands;
/// What a card holds beside its text is given only where it is allowed, and decoded by the operator's program.
mod card_content;
/// Nothing is left behind, however often cards are read and pcscd dies.
mod card_endurance;
/// An ID card is read through the real pcscd, whatever happens on the way.
mod card_over_pcsc;
/// An ID card is read through a real terminal, by the port and the driver that the configuration names.
mod card_over_serial;
/// A new reader model is a file, whatever way it reaches its security module.
mod card_profiles;
/// The office asks the repository who had to do with whose papers at all its windows, and makes its ledger anew.
mod central_audit;
/// Commands do the same beside a running daemon as without one, and a daemon that is told to stop stops.
mod commands;
/// The clerk's page is there for this PC's own browser, and tells no other page anything.
mod console;
/// The local API is the one that `fixtures/openapi.json` describes.
mod contract;
/// A window without a network brings its papers to the repository on a stick, once each, and hears back the same way.
mod courier;
/// What was acknowledged survives SIGKILL at any moment.
mod crash;
/// Each kind of damage to an archive is named as it should be.
mod damage;
/// The demo shows the main job, and fails where it does not hold.
mod demo;
/// A full, forbidden or damaged disk is named, and nothing acknowledged is lost.
mod disk;
/// What is filed page by page is had as one document, and a scanned document is captured page by page.
mod documents;
/// A damaged picture is named, moved aside and fetched back; a ledger that was cut off is found out.
mod fixity;
/// What is under a legal hold is not forgotten, whoever asks, and goes once nothing holds it any more.
mod holds;
/// Whoever talks nonsense to the local API keeps nobody from working.
mod hostile;
/// Crates depend on each other in one direction only.
mod house;
/// Pages and programs of this PC call by https, where it is configured, with a certificate that can vouch for nobody else.
mod https;
/// An office's old photographs are imported once each, whatever breaks the import off.
mod import;
/// A store of any released version opens with today's programs and says what it said.
mod migrations;
/// Whatever becomes of the data folder or the clock, the program says what it found and what to do.
mod misfortune;
/// Every paper arrives once, whatever the network does.
mod network;
/// Who the ledger says did it is the clerk who sat there, and what one clerk opened is not the next one's.
mod operators;
/// Originals whose term is over go at every window and at the repository, and do not come back.
mod originals;
/// One person's papers are taken out whole, as a package that other tools check.
mod package;
/// `yidang page` tells of every picture in one line, whatever the picture.
mod page_command;
/// Which paper a page is, which way up it is and what its codes say is told where that is asked for.
mod page_content;
/// A page gets a token only when an administrator says yes to the very one that asks.
mod pairing;
/// Browsers are told of the configured origins and of those that tokens are bound to, and of nobody else.
mod policy;
/// Files and logs tell nobody anything about a person.
mod privacy;
mod put_back;
/// What a window acknowledged outlives its PC.
mod recover;
/// A paper whose term is over is shown to nobody, and goes when an operator has confirmed it, with a report.
mod retention;
/// Of a ledger or keyring that is damaged or gone, whatever can be proven is there again, and what cannot is named.
mod salvage;
/// Pages written for other makers' services get what they look for, if they are listed.
mod shims;
/// What a window says about the repository is so, and it works whatever that is.
mod sync_status;
/// Key files bound to a PC's TPM open there, whenever it is switched on, and nowhere else.
mod tpm;
/// A paper shown once at one window is there at every window.
mod two_windows;
/// One window's whole transaction, and everything that may go wrong with it.
mod window;
