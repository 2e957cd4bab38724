//! Two windows and the repository they share, in one process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yidang_agent::{Config, Daemon, Scope, Tokens};
use yidang_archive::files::BlobSegments;
use yidang_repository::{Server, make_enrol_code};

use super::Failure;
use super::folder::DemoFolder;
use super::window::Window;

/// How long the runtime waits for threads that are still at work when all else has stopped.
const THREADS_WAIT: Duration = Duration::from_secs(1);

/// A server that runs, and the way to stop it.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn stop(self, runtime: &Runtime) {
        // Both fail only when it has ended by itself, which the steps have noticed.
        let _ = self.stop.send(());
        let _ = runtime.block_on(self.task);
    }
}

/// All that runs.
pub(super) struct Office {
    runtime: Runtime,
    windows: Vec<(Running, Window)>,
    repository: Option<Running>,
    repository_config: yidang_repository::Config,
}

impl Office {
    /// Starts the repository and two windows that are enrolled with it. `port` is the first window's; 0 lets
    /// the system choose.
    pub(super) fn open(folder: &DemoFolder, port: u16) -> Result<Self, Failure> {
        let runtime = Runtime::new()?;
        let config = folder.path().join("repository.toml");
        let text = "[repository]\ndata_dir = \"repository\"\naccept_simulated = true\n\
                    [http]\nlisten = \"127.0.0.1:0\"\n";
        fs::write(&config, text)?;
        let repository_config = yidang_repository::Config::load(Some(&config), [])?;
        let mut office = Self { runtime, windows: Vec::new(), repository: None, repository_config };
        office.open_repository()?;
        // From now on it comes back under the address the windows know.
        let listen = office.repository_config.listen;
        fs::write(&config, text.replace("127.0.0.1:0", &listen.to_string()))?;
        for (name, port) in [("window-a", port), ("window-b", 0)] {
            let window = office.open_window(folder.path(), name, port)?;
            office.windows.push(window);
        }
        Ok(office)
    }

    /// The window that papers are filed at.
    pub(super) fn a(&self) -> &Window {
        &self.windows[0].1
    }

    /// The other window.
    pub(super) fn b(&self) -> &Window {
        &self.windows[1].1
    }

    /// How many sealed blobs lie on the repository's disk.
    pub(super) fn repository_blobs(&self) -> Result<u64, Failure> {
        Ok(BlobSegments::count_in(&self.repository_config.data_dir)?)
    }

    /// Starts the repository; it listens when this returns.
    pub(super) fn open_repository(&mut self) -> Result<(), Failure> {
        let server = self.runtime.block_on(Server::bind(&self.repository_config))?;
        self.repository_config.listen = server.address();
        let (stop, stopped) = oneshot::channel();
        let task = self.runtime.spawn(server.run(async {
            let _ = stopped.await;
        }));
        self.repository = Some(Running { stop, task });
        Ok(())
    }

    /// Stops the repository; its address answers no more when this returns.
    pub(super) fn close_repository(&mut self) {
        if let Some(repository) = self.repository.take() {
            repository.stop(&self.runtime);
        }
    }

    fn open_window(&self, folder: &Path, name: &str, port: u16) -> Result<(Running, Window), Failure> {
        let file = folder.join(format!("{name}.toml"));
        let repository = self.repository_config.listen;
        let text = format!(
            "[agent]\ncounter = \"{name}\"\ndata_dir = \"{name}\"\n[http]\nlisten = \"127.0.0.1:{port}\"\n\
             [card]\ndriver = \"simulated\"\n[camera]\ndriver = \"simulated\"\n\
             [repository]\nurl = \"http://{repository}\"\n"
        );
        fs::write(&file, text)?;
        let mut config = Config::load(Some(&file), [], crate::DRIVER_NAMES)?;
        config.enrol_code = Some(make_enrol_code(&self.repository_config.data_dir, Some(name))?);
        fs::create_dir_all(&config.data_dir)?;
        let token = Tokens::open(&config.data_dir)?.create("demo", Scope::ALL, None)?;
        let data_dir = config.data_dir.clone();
        let drivers = crate::drivers(&config)?;
        let daemon = self.runtime.block_on(Daemon::start(config, drivers))?;
        let window = Window::new(daemon.address(), token, data_dir);
        let (stop, stopped) = oneshot::channel();
        let task = self.runtime.spawn(daemon.run(async {
            let _ = stopped.await;
        }));
        Ok((Running { stop, task }, window))
    }

    /// Blocks until the process is told to stop.
    pub(super) fn wait_for_signal(&self) -> Result<(), Failure> {
        self.runtime.block_on(async {
            yidang_agent::stop_signal()?.await;
            Ok(())
        })
    }

    /// Stops everything.
    pub(super) fn close(mut self) {
        for (running, _) in std::mem::take(&mut self.windows) {
            running.stop(&self.runtime);
        }
        self.close_repository();
        self.runtime.shutdown_timeout(THREADS_WAIT);
    }
}
