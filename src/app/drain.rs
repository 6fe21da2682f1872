//! The way out: signals, draining, the last exit code.

use std::{process::ExitCode, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};

use crate::{
    app::Running,
    message::{hub::LeaveHub, registry::Leave},
    telemetry::health::Phase,
};

/// An actor died; whoever runs this process should start a new one.
pub(super) const EXIT_BROKEN: u8 = 70;

/// A second signal ended the process before it was drained.
const EXIT_FORCED: u8 = 130;

/// What ends a running node.
enum Reason {
    Signal(&'static str),
    Died(&'static str),
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

// === impl Running ===

impl Running {
    /// Serves until SIGTERM or SIGINT, then drains; SIGHUP reloads the certificate.
    pub async fn until_stopped(mut self) -> ExitCode {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => {
                log::error!("signals cannot be received: {error}");
                return ExitCode::from(EXIT_BROKEN);
            }
        };
        match self.next_reason(&mut signals).await {
            Reason::Died(who) => {
                self.health.advance(Phase::Broken);
                log::error!("{who} died; the process ends, to be restarted by its supervisor");
                ExitCode::from(EXIT_BROKEN)
            }
            Reason::Signal(name) => {
                log::info!("{name}: draining");
                self.health.advance(Phase::Draining);
                tokio::select! {
                    () = self.drain() => {
                        log::info!("stopped");
                        ExitCode::SUCCESS
                    }
                    _name = signals.stop() => {
                        log::warn!("second signal: stopped without draining");
                        ExitCode::from(EXIT_FORCED)
                    }
                }
            }
        }
    }

    async fn next_reason(&mut self, signals: &mut Signals) -> Reason {
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return Reason::Signal("SIGTERM"),
                _ = signals.interrupt.recv() => return Reason::Signal("SIGINT"),
                Some(who) = self.bell.recv() => return Reason::Died(who),
                Some(()) = signals.hangup.recv() => self.reload(),
            }
        }
    }

    fn reload(&self) {
        match &self.certificate {
            None => log::info!("SIGHUP: there is no certificate to reload"),
            Some((certificate, files)) => match certificate.reload(files) {
                Ok(()) => log::info!("SIGHUP: certificate reloaded"),
                Err(error) => log::error!("SIGHUP: {error}; the certificate in use stays"),
            },
        }
    }

    /// Stops accepting after the configured delay, then waits for what is in flight.
    pub async fn drain(&mut self) {
        sleep(self.shutdown.delay).await;
        self.ports.close_inbound();
        // An error says that no worker is left to be told.
        let _unheard = self.inbound.stop.send(true);
        if timeout(self.shutdown.timeout, self.inbound.shared.all_closed())
            .await
            .is_err()
        {
            log::warn!("SHUTDOWN_TIMEOUT passed; what is still in flight is cut off");
        }
        // Events that other nodes lack go to them first; then clients there see no gap.
        if timeout(LEAVE_TIMEOUT, self.actors.events.hub.send(LeaveHub))
            .await
            .is_err()
        {
            log::warn!("the last events may not have reached all nodes");
        }
        // What the other nodes do not have yet goes to two of them.
        if timeout(LEAVE_TIMEOUT, self.actors.registry.send(Leave))
            .await
            .is_err()
        {
            log::warn!("the cluster was left without a last exchange");
        }
        // The management API goes last, so that its health route tells the truth to the end.
        if timeout(ADMIN_STOP_TIMEOUT, self.admin.stop(true))
            .await
            .is_err()
        {
            log::debug!("the management API did not stop in time");
        }
        for worker in &self.inbound.workers {
            worker.stop();
        }
    }
}

/// Longest last exchange with the cluster.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The management API's requests are short; one that is not is cut off.
const ADMIN_STOP_TIMEOUT: Duration = Duration::from_secs(2);

// === impl Signals ===

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn stop(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
