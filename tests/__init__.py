"""The proof: every claim of the documents as something that runs."""
