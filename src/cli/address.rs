//! Where links live, on the command line.

use clap::Args;

use crate::domains::{Host, LinkAddress, UrlPrefix};

/// Where links live.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Address {
    /// Host that this server serves links on
    #[arg(long)]
    host: Option<Host>,
    /// Start of a URL that a key completes, such as `https://acme.com?aff=`
    #[arg(long)]
    url_prefix: Option<UrlPrefix>,
}

impl Address {
    /// The address, if one was named.
    pub(super) fn into_link_address(self) -> Option<LinkAddress> {
        self.host.map(LinkAddress::served).or(self.url_prefix.map(LinkAddress::Elsewhere))
    }
}
