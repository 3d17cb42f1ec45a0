package com.example.eventservice.event;

import jakarta.validation.Valid;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** The Event Service's API. What fanfare refuses becomes a problem by itself: its exceptions are Spring's own kind. */
@RestController
@RequestMapping("/events")
class EventController {

    private final EventStore events;
    private final EventDistributor distributor;

    EventController(EventStore events, EventDistributor distributor) {
        this.events = events;
        this.distributor = distributor;
    }

    @PostMapping
    @ResponseStatus(HttpStatus.CREATED)
    Event create(@Valid @RequestBody NewEvent body) {
        Event event = Event.approved(body);
        if (!events.add(event)) {
            throw new ResponseStatusException(HttpStatus.CONFLICT, "There is an event of this id already.");
        }
        return event;
    }

    @GetMapping("/{id}")
    Event show(@PathVariable String id) {
        return events.find(id).orElseThrow(() -> new ResponseStatusException(HttpStatus.NOT_FOUND, "There is no such event."));
    }

    /** 200 where the event is settled, 202 where fanfare is still at it. */
    @PostMapping("/{id}/distribute")
    ResponseEntity<Event> distribute(@PathVariable String id) {
        Event event = distributor.distribute(show(id));
        return ResponseEntity.status(event.isOpen() ? HttpStatus.ACCEPTED : HttpStatus.OK).body(event);
    }
}
