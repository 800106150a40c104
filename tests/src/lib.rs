//! What the test programs share: a world of rules without a network, certificates, and a ledger
//! with its interface in one process.

pub mod certify;
pub mod chunks;
pub mod codes;
pub mod companies;
pub mod credentials;
pub mod etr;
pub mod etr_types;
pub mod http;
pub mod javascript;
pub mod kept;
pub mod marks;
pub mod ports;
pub mod relay;
pub mod served;
pub mod validator;
pub mod world;
