//! The store in memory keeps every promise of the conformance suite.

use cla_conformance::Fresh;
use cla_semaphore::Semaphores;

cla_conformance::conformance_tests!(|| Fresh::clones(Semaphores::memory()));
