"""What a language model may do for an incident: read it, choose among questions, word the answer; never conclude."""
