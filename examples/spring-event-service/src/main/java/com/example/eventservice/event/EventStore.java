package com.example.eventservice.event;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.springframework.stereotype.Repository;

/** The events, in memory. In a database, {@link #change} is a transaction that locks the row. */
@Repository
class EventStore {

    private final Map<String, Event> events = new ConcurrentHashMap<>();

    /** False where there is one of this id already. */
    boolean add(Event event) {
        return events.putIfAbsent(event.id(), event) == null;
    }

    Optional<Event> find(String id) {
        return Optional.ofNullable(events.get(id));
    }

    List<Event> open() {
        return events.values().stream().filter(Event::isOpen).toList();
    }

    /** Nothing happens where there is no such event: the topic also carries those of other services. */
    Optional<Event> change(String id, UnaryOperator<Event> change) {
        return Optional.ofNullable(events.computeIfPresent(id, (key, event) -> change.apply(event)));
    }
}
