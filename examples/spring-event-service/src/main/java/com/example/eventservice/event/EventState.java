package com.example.eventservice.event;

/** Where an event stands in this service. */
enum EventState {
    /** May be announced. */
    APPROVED,
    /** Announced: at least one channel has it. */
    ACTIVE
}
