//! How much the repository does at a time. What the wire allows is in `yidang_sync::limits`.

use std::time::Duration;

/// Open connections, idle feed polls included.
pub(crate) const CONNECTIONS_MAX: usize = 20_000;
/// Requests that work at a time; the others wait for [`WORK_WAIT`].
pub(crate) const WORK_MAX: usize = 64;
/// How long a request waits for its turn before it is told to come back.
pub(crate) const WORK_WAIT: Duration = Duration::from_secs(10);
/// Feed polls of one agent at a time.
pub(crate) const POLLS_PER_AGENT_MAX: usize = 4;
/// Bodies in memory at a time, in KiB: those that come in and the pictures that go out.
pub(crate) const BODIES_KIB_MAX: u32 = 512 << 10;
/// How long a whole body may take.
pub(crate) const BODY_WAIT: Duration = Duration::from_secs(120);
/// How long a body may pause.
pub(crate) const BODY_PAUSE_MAX: Duration = Duration::from_secs(15);
/// How long a connection may idle, or take for the head of a request.
pub(crate) const HEAD_WAIT: Duration = Duration::from_secs(60);
/// Bytes of a refused body that are still read, so that the sender gets to see the answer.
pub(crate) const REFUSED_BODY_READ_MAX: usize = 48 << 20;
/// Bytes of a picture handed to the connection at a time.
pub(crate) const CHUNK_SIZE: usize = 64 << 10;
/// Bytes of an enrolment's body, which nobody vouches for.
pub(crate) const ENROL_BODY_MAX: usize = 4 << 10;
/// How long work under way may take when the repository stops.
pub(crate) const STOP_WAIT: Duration = Duration::from_secs(10);
/// How long an enrolment code holds, in milliseconds.
pub(crate) const CODE_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;
/// How long an upload waits to be committed, in milliseconds: longer than a window is closed over holidays.
pub(crate) const UPLOAD_LIFETIME_MS: i64 = 14 * 24 * 60 * 60 * 1000;
/// How long a copy made within the repository waits for the filing that follows at once, in milliseconds.
pub(crate) const COPY_LIFETIME_MS: i64 = 60 * 60 * 1000;
/// When the first sweep begins, counted from the start: soon, as it makes the second copies of ledger and keyring, and not
/// at once, as windows that come back have much to send then.
pub(crate) const FIRST_SWEEP_AFTER: Duration = Duration::from_secs(30);
/// Time between two sweeps.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// Grants of one agent at a time; the oldest goes first.
pub(crate) const GRANTS_PER_AGENT_MAX: usize = 64;
/// How long after an agent last opened a dossier it may ask that the person or a paper of theirs be forgotten,
/// in milliseconds: a request that was made at once still arrives after a night without a network.
pub(crate) const OPENED_LATELY_MS: i64 = 24 * 60 * 60 * 1000;
/// How exactly it is known when an agent last opened a dossier, in milliseconds.
pub(crate) const OPENED_STEP_MS: i64 = 60 * 1000;
/// Pictures in all grants together; the oldest grant goes first.
pub(crate) const GRANTED_PICTURES_MAX: usize = 1_000_000;
/// Materials looked through for one page of a filtered list.
pub(crate) const SCANNED_MAX: usize = 2000;
/// Bytes of a request on the control socket.
pub(crate) const CONTROL_REQUEST_MAX: u64 = 16 << 10;
/// How long a request on the control socket may take to arrive.
pub(crate) const CONTROL_WAIT: Duration = Duration::from_secs(5);
/// How long a parcel on the control socket may pause: a stick may be slow.
pub(crate) const PARCEL_PAUSE_MAX: Duration = Duration::from_secs(600);
