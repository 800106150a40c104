//! What a command works with: output, the node, the wallet, the network they belong to.
//!
//! Invariant: a devnet folder, if one is found or named, supplies node, wallet and genesis
//! together, so that keys of one network are never mixed with the node of another by accident.

use std::cell::OnceCell;
use std::path::PathBuf;

use titian_api::{Nothing, call};

use crate::client::{Client, DEFAULT_NODE};
use crate::command::devnet::folder::Folder;
use crate::error::{CommandError, Result};
use crate::language::{self, Language};
use crate::output::Output;
use crate::wallet::Wallet;

/// Options that every command takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GlobalArgs {
    /// Print JSON for programs
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Print the result only, no remarks
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Address of the node [default: the devnet in ./net, else http://127.0.0.1:26650]
    #[arg(long, global = true, value_name = "URL", env = "TITIAN_NODE", hide_env_values = true)]
    #[arg(help_heading = "Global options")]
    pub(crate) node: Option<String>,
    /// Wallet file [default: the devnet's in ./net, else ~/.local/share/titian/wallet.age]
    #[arg(long, global = true, value_name = "FILE", env = "TITIAN_WALLET", hide_env_values = true)]
    #[arg(help_heading = "Global options")]
    pub(crate) wallet: Option<PathBuf>,
    /// Folder of the devnet whose node and wallet are used [default: ./net]
    #[arg(long, global = true, value_name = "DIR", env = "TITIAN_DEVNET", hide_env_values = true)]
    #[arg(help_heading = "Global options")]
    pub(crate) devnet: Option<PathBuf>,
    /// Language of errors, statuses and warnings of the UBIN register [default: en]
    #[arg(long, global = true, value_name = "TAG", env = "TITIAN_LANG", hide_env_values = true)]
    #[arg(value_parser = tag, help_heading = "Global options")]
    pub(crate) lang: Option<Chosen>,
}

/// A language that was chosen; `None` is English.
pub(crate) type Chosen = Option<Language>;

/// Reads a language; the error lists those that there are.
fn tag(text: &str) -> std::result::Result<Chosen, String> {
    language::parse(text)
}

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where output goes.
    pub(crate) output: Output,
    args: GlobalArgs,
    folder: OnceCell<Option<Folder>>,
    client: OnceCell<Client>,
    chain: OnceCell<String>,
    peer_id: OnceCell<String>,
}

impl Session {
    /// A session for the given options.
    pub(crate) fn new(args: GlobalArgs) -> Self {
        let output = Output::new(args.json, args.quiet, args.lang.flatten());
        Self {
            output,
            args,
            folder: OnceCell::new(),
            client: OnceCell::new(),
            chain: OnceCell::new(),
            peer_id: OnceCell::new(),
        }
    }

    /// A session on the devnet in `folder`, with the node at `url`.
    pub(crate) fn on_devnet(output: Output, folder: Folder, url: &str) -> Result<Self> {
        let args = GlobalArgs {
            json: output.is_json(),
            quiet: false,
            node: Some(url.to_owned()),
            wallet: None,
            devnet: Some(folder.path().to_owned()),
            lang: None,
        };
        let session = Self {
            output,
            args,
            folder: OnceCell::new(),
            client: OnceCell::new(),
            chain: OnceCell::new(),
            peer_id: OnceCell::new(),
        };
        let _ = session.folder.set(Some(folder));
        Ok(session)
    }

    /// The devnet folder named on the command line.
    pub(crate) fn devnet(&self) -> Option<&std::path::Path> {
        self.args.devnet.as_deref()
    }

    /// The devnet folder in use, if any.
    pub(crate) fn folder(&self) -> Result<Option<&Folder>> {
        if let Some(known) = self.folder.get() {
            return Ok(known.as_ref());
        }
        let found = match &self.args.devnet {
            Some(path) => Some(Folder::open(path)?),
            None => Folder::find(std::path::Path::new("net"))?,
        };
        Ok(self.folder.get_or_init(|| found).as_ref())
    }

    /// The devnet whose nodes are all meant: one is in use and no single node was named.
    pub(crate) fn whole_devnet(&self) -> Result<Option<&Folder>> {
        if self.args.node.is_some() { Ok(None) } else { self.folder() }
    }

    /// Whether the caller named the network that is meant: a node or a devnet.
    pub(crate) fn names_network(&self) -> bool {
        self.args.node.is_some() || self.args.devnet.is_some()
    }

    /// The node.
    pub(crate) fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.node_url()?)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// The node, asked with the bearer token in a file.
    pub(crate) fn client_with_token(&self, token: &std::path::Path) -> Result<Client> {
        let token = crate::document::read(token)?;
        let token = zeroize::Zeroizing::new(String::from_utf8_lossy(&token).trim().to_owned());
        Client::with_token(&self.node_url()?, &token)
    }

    /// The address of the node.
    pub(crate) fn node_url(&self) -> Result<String> {
        if let Some(url) = &self.args.node {
            return Ok(url.clone());
        }
        let running = self.folder()?.map(Folder::first_url);
        Ok(running.unwrap_or_else(|| DEFAULT_NODE.to_owned()))
    }

    /// The chain id: that of the devnet's genesis, else what the node says.
    pub(crate) fn chain(&self) -> Result<&str> {
        if let Some(chain) = self.chain.get() {
            return Ok(chain);
        }
        let known = self.folder()?.map(|folder| folder.chain().to_owned());
        let asked = match known {
            Some(chain) => chain,
            None => self.client()?.ask::<call::LedgerStatus>(&Nothing {})?.chain,
        };
        Ok(self.chain.get_or_init(|| asked))
    }

    /// What the node calls itself: capabilities name it, so that they serve at no other.
    pub(crate) fn peer_id(&self) -> Result<&str> {
        if let Some(id) = self.peer_id.get() {
            return Ok(id);
        }
        let asked = self.client()?.ask::<call::LedgerStatus>(&Nothing {})?.node;
        Ok(self.peer_id.get_or_init(|| asked))
    }

    /// Where the wallet is.
    pub(crate) fn wallet_path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.args.wallet {
            return Ok(path.clone());
        }
        if let Some(folder) = self.folder()? {
            return Ok(folder.wallet());
        }
        let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(|| {
            std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"))
        });
        base.map(|base| base.join("titian/wallet.age")).ok_or_else(|| {
            CommandError::usage("there is no home folder for a wallet").hint("--wallet FILE")
        })
    }

    /// Opens the wallet.
    pub(crate) fn wallet(&self) -> Result<Wallet> {
        Wallet::open(&self.wallet_path()?)
    }

    /// The genesis file: the named one, else the devnet's.
    pub(crate) fn genesis_path(&self, named: Option<&PathBuf>) -> Result<PathBuf> {
        if let Some(path) = named {
            return Ok(path.clone());
        }
        match self.folder()? {
            Some(folder) => Ok(folder.genesis()),
            None => Err(CommandError::usage("a proof is checked against a genesis file")
                .hint("--genesis FILE")),
        }
    }
}
