"""Preparers that several competitions share: those whose data differ in names alone. A module each."""
