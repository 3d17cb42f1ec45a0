package com.example.eventservice.fanfare;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;

/** Where a distribution stands. More words may be added: {@link #UNKNOWN} stands for those. */
public enum DistributionStatus {
    PENDING,
    IN_PROGRESS,
    COMPLETED,
    PARTIALLY_COMPLETED,
    FAILED,
    CANCELLED,
    @JsonEnumDefaultValue
    UNKNOWN
}
