package com.example.eventservice.fanfare;

import java.time.Duration;

/** Waits between two tries; a bean, so that tests need not wait. */
@FunctionalInterface
public interface Pause {

    void of(Duration duration) throws InterruptedException;
}
