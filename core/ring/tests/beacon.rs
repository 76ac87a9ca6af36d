//! The beacon says which engine made the rings, and how far it is.

use touchline_ring::{Beacon, BeaconWriter, RingError, spsc};

#[test]
fn each_engine_has_another_number_and_none_while_it_makes_its_rings() {
    let memory = spsc::heap(2, 64);
    assert!(matches!(Beacon::attach(memory.clone()), Err(RingError::Layout { .. })));
    let first = BeaconWriter::take(memory.clone()).unwrap();
    let beacon = Beacon::attach(memory.clone()).unwrap();
    assert_eq!(beacon.engine(), None);
    first.stand(7);
    let engine = beacon.engine();
    assert!(engine.is_some());
    assert_eq!((beacon.replayed(), beacon.sequenced(), beacon.durable()), (7, 7, 7));
    first.set_sequenced(9);
    first.set_durable(8);
    assert_eq!((beacon.replayed(), beacon.sequenced(), beacon.durable()), (7, 9, 8));

    // One that dies while it makes its rings, and one that lives.
    let _ = BeaconWriter::take(memory.clone()).unwrap();
    assert_eq!(beacon.engine(), None);
    let third = BeaconWriter::take(memory).unwrap();
    assert_eq!(beacon.engine(), None);
    third.stand(9);
    assert!(beacon.engine() > engine);
    assert_eq!(beacon.durable(), 9);
}
