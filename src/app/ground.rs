//! What everything else of a node stands on: meters, snapshots, ports, secrets.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    app::{StartError, ports::Ports},
    config::Config,
    core::{hub::position::NodeId, seal::Purpose},
    http::{
        awaited::Awaited,
        sealer::{self, Sealer},
        tls::{CertificateCell, Files},
    },
    message::{proxy::SnapshotCell, session::SessionCell},
    telemetry::{health::Health, metrics::Metrics},
    upstream,
};

/// What everything else stands on.
pub(super) struct Ground {
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Arc<Health>,
    pub(super) snapshot: Arc<SnapshotCell>,
    pub(super) sessions: Arc<SessionCell>,
    pub(super) awaited: Arc<Awaited>,
    /// This process, for other nodes' events.
    pub(super) node: NodeId,
    /// Of tokens that this cluster gives out.
    pub(super) secret: sealer::Secret,
    /// Given to whoever must not die.
    pub(super) alarm: mpsc::UnboundedSender<&'static str>,
    pub(super) bell: mpsc::UnboundedReceiver<&'static str>,
    pub(super) upstream_tls: Arc<rustls::ClientConfig>,
    pub(super) certificate: Option<(Arc<CertificateCell>, Files)>,
    pub(super) ports: Ports,
}

// === impl Ground ===

impl Ground {
    pub(super) fn lay(config: &Config) -> Result<Self, StartError> {
        let (alarm, bell) = mpsc::unbounded_channel();
        let metrics = Metrics::new()?;
        let (node, secret) = (NodeId::new(fastrand::u64(..)), secret(config)?);
        Ok(Self {
            awaited: Awaited::new(
                node.as_u64(),
                Sealer::new(&secret, Purpose::Correlation),
                metrics.awaited_answers.clone(),
            ),
            node,
            secret,
            metrics,
            sessions: Arc::new(SessionCell::new()),
            health: Arc::new(Health::default()),
            snapshot: Arc::new(SnapshotCell::default()),
            alarm,
            bell,
            upstream_tls: upstream::tls::client_config(config.proxy.ca_certfile.as_deref())?,
            certificate: certificate(config)?,
            // Last, so that a faulty file leaves no port open behind it.
            ports: Ports::bind(config)?,
        })
    }

    pub(super) fn server_tls(
        &self,
        protocols: &[&[u8]],
    ) -> Result<Option<rustls::ServerConfig>, StartError> {
        let Some((certificate, _files)) = &self.certificate else {
            return Ok(None);
        };
        Ok(Some(certificate.server_config(protocols)?))
    }
}

fn certificate(config: &Config) -> Result<Option<(Arc<CertificateCell>, Files)>, StartError> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    let files = Files {
        certificate: tls.certfile.clone(),
        key: tls.keyfile.clone(),
        pass: tls
            .keyfile_pass
            .as_ref()
            .map(|pass| pass.expose().to_owned()),
    };
    Ok(Some((CertificateCell::load(&files)?, files)))
}

/// What seals the tokens that this node gives out.
fn secret(config: &Config) -> Result<sealer::Secret, StartError> {
    let cookie = config
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.secret.as_ref());
    Ok(match cookie {
        Some(cookie) => sealer::Secret::shared(cookie.expose().as_bytes()),
        None => sealer::Secret::own()?,
    })
}
