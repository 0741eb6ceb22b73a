//! The options for the address of links.

use clap::Args;

use crate::domains::{Host, LinkAddress, UrlPrefix};

/// The place where links live.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Address {
    /// Host on which this server serves the links
    #[arg(long)]
    host: Option<Host>,
    /// Start of a URL that the key of a link completes, such as `https://acme.com?aff=`
    #[arg(long)]
    url_prefix: Option<UrlPrefix>,
}

impl Address {
    /// Returns the address, if the command has one.
    pub(super) fn into_link_address(self) -> Option<LinkAddress> {
        self.host.map(LinkAddress::served).or(self.url_prefix.map(LinkAddress::Elsewhere))
    }
}
