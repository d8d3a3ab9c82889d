"""What an agent can be asked to do: competitions and techniques, their data, and the splits that name them."""
