//! The circuit's states, by a time that comes in.

use std::time::Duration;

use super::*;

#[derive(Default)]
struct Open(Mutex<Vec<(HostRole, bool)>>);

impl ExchangeObserver for Open {
    fn exchanged(&self, _: HostRole, _: &str, _: Option<u16>, _: Duration) {}

    fn circuit(&self, host: HostRole, open: bool) {
        self.0.lock().push((host, open));
    }
}

fn breaker(observer: Option<Arc<dyn ExchangeObserver>>) -> Breaker {
    let settings = BreakerSettings {
        failures: 3,
        pause: Duration::from_secs(10),
        longest_pause: Duration::from_secs(25),
    };
    Breaker::new(&settings, observer)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

const HOST: HostRole = HostRole::Cabinet;

impl Breaker {
    fn ends(&self, second: i64, heard: bool) {
        self.permit(HOST, at(second)).map_err(|_| "refused").unwrap().settle(heard, at(second));
    }

    fn refused(&self, second: i64) -> Option<i64> {
        self.permit(HOST, at(second)).err().map(|until| until.as_second() - 1_800_000_000)
    }
}

#[test]
fn only_failures_in_a_row_open_a_circuit_and_the_pause_doubles_to_its_limit() {
    let breaker = breaker(None);
    for heard in [false, false, true, false, false] {
        breaker.ends(0, heard);
    }
    assert_eq!(breaker.refused(0), None);
    breaker.ends(0, false);
    assert_eq!((breaker.refused(0), breaker.refused(9)), (Some(10), Some(10)));
    breaker.ends(10, false);
    assert_eq!(breaker.refused(29), Some(30));
    breaker.ends(30, false);
    assert_eq!(breaker.refused(31), Some(55), "25 seconds are the longest pause");
    breaker.ends(55, true);
    for _ in 0..3 {
        breaker.ends(60, false);
    }
    assert_eq!(breaker.refused(60), Some(70), "the first pause again");
}

#[test]
fn one_trial_goes_at_a_time_and_one_that_was_given_up_makes_room() {
    let breaker = breaker(None);
    for _ in 0..3 {
        breaker.ends(0, false);
    }
    let trial = breaker.permit(HOST, at(10)).map_err(|_| "refused").unwrap();
    assert_eq!(breaker.refused(10), Some(11));
    drop(trial);
    breaker.ends(10, true);
    assert_eq!(breaker.refused(10), None);
}

#[test]
fn what_began_before_the_circuit_opened_does_not_lengthen_the_pause_but_an_answer_closes_it() {
    let breaker = breaker(None);
    let (late, answered) = (breaker.permit(HOST, at(0)), breaker.permit(HOST, at(0)));
    for _ in 0..3 {
        breaker.ends(0, false);
    }
    late.map_err(|_| "refused").unwrap().settle(false, at(5));
    assert_eq!(breaker.refused(5), Some(10));
    answered.map_err(|_| "refused").unwrap().settle(true, at(6));
    assert_eq!(breaker.refused(6), None);
}

#[test]
fn hosts_stand_for_themselves_and_a_clock_that_was_set_back_does_not_lengthen_a_pause() {
    let breaker = breaker(None);
    for _ in 0..3 {
        breaker.ends(1_000, false);
    }
    assert!(breaker.permit(HostRole::Login, at(1_000)).is_ok());
    assert_eq!(breaker.refused(0), Some(10));
}

#[test]
fn an_observer_sees_each_opening_end_even_that_of_a_way_that_is_given_up() {
    let open = Arc::new(Open::default());
    let breaker = breaker(Some(open.clone()));
    for second in [0, 0, 0, 10, 30] {
        breaker.ends(second, false);
    }
    assert_eq!(*open.0.lock(), [(HOST, true)], "a failed trial is no second opening");
    breaker.ends(100, true);
    for _ in 0..3 {
        breaker.ends(100, false);
    }
    drop(breaker);
    assert_eq!(*open.0.lock(), [(HOST, true), (HOST, false), (HOST, true), (HOST, false)]);
}
