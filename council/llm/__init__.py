"""Talking to language models: questions, the gateway, structured answers, and rehearsal models."""
