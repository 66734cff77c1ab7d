//! How the server fails: in the ways in which nobody says what is wrong.

use super::Solo;
use crate::fault::{Attackable, NoLies};

impl Attackable for Solo {
    type Adversary = NoLies;
}
